"""Labels come onto the images they were made on: recordings that share a name, files that are not images, failures.

Every image tells its own number, and the first bodypart of its label has that number as x.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from small_videos import SIZE, frame, told_number

from dlcx.cli.app import run
from dlcx.data.images import is_same_image, read_image
from dlcx.errors import DlcxError
from dlcx.formats import config_edits
from dlcx.formats.labels.collected_data import read_labels, write_labels
from dlcx.labeling import folder_transaction
from dlcx.poses import Labels, Layout
from dlcx.workflow import import_labels as importing
from dlcx.workflow.create_project import create_project
from dlcx.workflow.import_labels import import_labels

LAYOUT = Layout(("a", "b"))
#: What is added to the frame numbers of a recording to give the number that its frames show.
STARTS = {"day1": 0, "day2": 100}


def write_frames(path: Path, start: int, count: int = 12, codec: str = "MJPG", size: tuple[int, int] = SIZE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), 25, size)
    for number in range(count):
        writer.write(cv2.cvtColor(frame(start + number, size), cv2.COLOR_RGB2BGR))
    writer.release()
    return path


def save_image(path: Path, number: int, size: tuple[int, int] = SIZE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(path.suffix, cv2.cvtColor(frame(number, size), cv2.COLOR_RGB2BGR))[1].tobytes())
    return path


def label(number: int) -> np.ndarray:
    """The label (2, 2) of an image that shows a number."""
    return np.array([[number, 30.0], [50.0, number]])


def save_slp(path: Path, frames: Sequence[tuple[Path, int, int]]) -> Path:
    """Write labels of frames: their video, their number in it, and the number that they show."""
    import sleap_io

    skeleton = sleap_io.Skeleton(list(LAYOUT.bodyparts))
    videos = {video: sleap_io.Video.from_filename(str(video)) for video, _, _ in frames}
    labeled = [
        sleap_io.LabeledFrame(
            video=videos[video],
            frame_idx=number,
            instances=[sleap_io.Instance.from_numpy(label(shown), skeleton=skeleton)],
        )
        for video, number, shown in frames
    ]
    sleap_io.save_slp(sleap_io.Labels(labeled), str(path), verbose=False)
    return path


def save_coco(path: Path, images: dict[str, int], size: tuple[int, int] = SIZE) -> Path:
    """Write labels of image files by the number that they show."""
    data = {
        "images": [
            {"id": row, "file_name": name, "width": size[0], "height": size[1]} for row, name in enumerate(images)
        ],
        "categories": [{"id": 1, "name": "m", "keypoints": list(LAYOUT.bodyparts)}],
        "annotations": [
            {"id": row, "image_id": row, "category_id": 1, "keypoints": [v for x, y in label(shown) for v in (x, y, 2)]}
            for row, shown in enumerate(images.values())
        ],
    }
    path.write_text(json.dumps(data))
    return path


def save_csv(root: Path, folder: str, names: dict[str, int], scorer: str = "you") -> Path:
    """Write a project's label files of images by the number that they show; returns the csv."""
    xy = np.stack([label(shown) for shown in names.values()])[:, None]
    images = tuple(("labeled-data", folder, name) for name in names)
    labels = Labels(LAYOUT, images, xy, np.zeros((len(names), 0, 2)))
    return write_labels(labels, root / "labeled-data" / folder / f"CollectedData_{scorer}", scorer)[1]


@pytest.fixture
def days(tmp_path: Path) -> dict[str, Path]:
    """Two recordings of one name."""
    return {day: write_frames(tmp_path / day / "cam.avi", start) for day, start in STARTS.items()}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project without labels."""
    video = write_frames(tmp_path / "first.avi", 200, count=2)
    return create_project("p", "me", video, folder=tmp_path, bodyparts=LAYOUT.bodyparts).project


def slp_of(days: dict[str, Path], target: Path, *chosen: str) -> Path:
    frames = [(days[day], number, STARTS[day] + number) for day in chosen for number in ((1, 7), (3, 7))[day == "day2"]]
    return save_slp(target, frames)


def labels_by_folder(root: Path) -> dict[str, list[int]]:
    """The number that each labeled image shows, by folder; each label must be of its image."""
    found = {}
    for path in sorted((root / "labeled-data").glob("*/CollectedData_me.h5")):
        labels = read_labels(path)
        found[path.parent.name] = [told_number(read_image(root.joinpath(*image))) for image in labels.images]
        assert labels.xy[:, 0, 0, 0].tolist() == found[path.parent.name]
        np.testing.assert_array_equal(read_labels(path.with_suffix(".csv")).xy, labels.xy)
    return found


def tree(root: Path) -> dict[str, bytes | None]:
    """All files and folders of a project."""
    return {
        str(path.relative_to(root)): path.read_bytes() if path.is_file() else None for path in sorted(root.rglob("*"))
    }


@pytest.mark.parametrize("overwrite", [False, True])
def test_videos_of_one_name(days, root, tmp_path, overwrite, caplog):
    import_labels(root, slp_of(days, tmp_path / "1.slp", "day1"))
    done = import_labels(root, slp_of(days, tmp_path / "2.slp", "day2"), overwrite=overwrite)
    assert labels_by_folder(root) == {"cam": [1, 7], "day2_cam": [103, 107]}
    assert f"{days['day2']} goes to labeled-data/day2_cam: labeled-data/cam belongs to {days['day1']}" in caplog.text
    # the video is in the project under the name of its folder, for DeepLabCut as well
    assert done.listed == (str(root / "videos" / "day2_cam.avi"),)
    assert (root / "videos" / "day2_cam.avi").samefile(days["day2"])
    caplog.clear()
    again = import_labels(root, slp_of(days, tmp_path / "both.slp", "day2", "day1"), overwrite=overwrite)
    assert [(one.video, one.new, one.replaced + one.kept, one.copied) for one in again.folders] == [
        ("day2_cam", 0, 2, 0),
        ("cam", 0, 2, 0),
    ]
    assert not caplog.text
    assert labels_by_folder(root) == {"cam": [1, 7], "day2_cam": [103, 107]}


def test_one_file_of_videos_of_one_name(days, root, tmp_path):
    import_labels(root, slp_of(days, tmp_path / "both.slp", "day1", "day2"))
    assert labels_by_folder(root) == {"cam": [1, 7], "day2_cam": [103, 107]}


def test_the_projects_video_is_known_by_its_content(days, root, tmp_path):
    # the project has day2/cam as another file, encoded again: the labels of day2 belong there, those of day1 do not
    video = write_frames(tmp_path / "elsewhere" / "cam.mp4", 100, codec="mp4v")
    assert run(["add-videos", str(video), "-p", str(root)]) == 0
    import_labels(root, slp_of(days, tmp_path / "both.slp", "day1", "day2"))
    assert labels_by_folder(root) == {"cam": [103, 107], "day1_cam": [1, 7]}


def test_images_of_frames_tell_their_video(days, root, tmp_path):
    for number in (2, 5):
        save_image(root / "labeled-data" / "cam" / f"img{number}.png", 100 + number)
    import_labels(root, slp_of(days, tmp_path / "both.slp", "day1", "day2"))
    assert labels_by_folder(root) == {"cam": [103, 107], "day1_cam": [1, 7]}


def test_an_image_of_another_frame_is_not_labeled(days, root, tmp_path):
    assert run(["add-videos", str(days["day1"]), "-p", str(root)]) == 0
    wrong = save_image(root / "labeled-data" / "cam" / "img07.png", 9)
    before = tree(root)
    with pytest.raises(DlcxError, match=f"{wrong} is another picture than frame 7 of {days['day1']}"):
        import_labels(root, slp_of(days, tmp_path / "1.slp", "day1"))
    assert tree(root) == before


def test_a_video_found_by_its_name_must_have_the_size_and_length_of_the_labeled_one(days, root, tmp_path):
    file = slp_of(days, tmp_path / "1.slp", "day1")
    shutil.rmtree(tmp_path / "day1")
    other = write_frames(root / "videos" / "cam.avi", 100, count=40)
    before = tree(root)
    with pytest.raises(DlcxError, match=f"12 frames, but {other}, found instead, has .* 40 frames"):
        import_labels(root, file)
    assert tree(root) == before
    write_frames(root / "videos" / "cam.avi", 0)
    import_labels(root, file)
    assert labels_by_folder(root) == {"cam": [1, 7]}


def test_two_videos_are_not_found_in_one_file(days, root, tmp_path):
    file = slp_of(days, tmp_path / "both.slp", "day1", "day2")
    (videos := tmp_path / "videos").mkdir()
    days["day1"].rename(videos / "cam.avi")
    days["day2"].unlink()
    with pytest.raises(DlcxError, match=r"are two files, but .*cam\.avi was found for both"):
        import_labels(root, file, images=videos)
    for day, start in STARTS.items():
        write_frames(videos / day / "cam.avi", start)
    import_labels(root, file, images=videos)
    assert labels_by_folder(root) == {"cam": [1, 7], "day2_cam": [103, 107]}


def test_a_name_that_the_user_chose_is_not_another_recordings(days, root, tmp_path):
    first, second = (slp_of(days, tmp_path / f"{day}.slp", day) for day in STARTS)
    import_labels(root, first, video="mine")
    assert labels_by_folder(root) == {"mine": [1, 7]}
    before = tree(root)
    with pytest.raises(
        DlcxError, match=f"--video mine: labeled-data/mine belongs to {days['day1']}, not to {days['day2']}"
    ):
        import_labels(root, second, video="mine")
    with pytest.raises(DlcxError, match=f"frames of {days['day1']} and {days['day2']} would be in one folder"):
        import_labels(root, slp_of(days, tmp_path / "both.slp", "day1", "day2"), video="third")
    assert tree(root) == before


@pytest.mark.parametrize("in_place", [False, True])
def test_a_csv_of_another_project(root, tmp_path, in_place, caplog):
    names = {"img1.png": 11, "img2.png": 12}
    for name, number in names.items():
        save_image(root / "labeled-data" / "cam" / name, number)
        save_image(tmp_path / "other" / "labeled-data" / "cam" / name, 100 + number)
    csv = save_csv(tmp_path / "other", "cam", {name: 100 + number for name, number in names.items()})
    import_labels(root, csv, images=None if in_place else tmp_path / "other")
    assert labels_by_folder(root) == {"other_cam": [111, 112]}
    assert "goes to labeled-data/other_cam: labeled-data/cam belongs to another recording" in caplog.text
    # the labels of a colleague for the project's own images come without images
    import_labels(root, save_csv(tmp_path / "mail", "cam", names))
    assert labels_by_folder(root) == {"cam": [11, 12], "other_cam": [111, 112]}


def test_coco_folders_of_one_name(root, tmp_path):
    for day, start in STARTS.items():
        for number in (1, 2):
            save_image(tmp_path / day / "images" / f"{number}.png", start + number)
    images = {f"{day}/images/{number}.png": start + number for day, start in STARTS.items() for number in (1, 2)}
    import_labels(root, save_coco(tmp_path / "both.json", images))
    assert labels_by_folder(root) == {"images": [1, 2], "day2_images": [101, 102]}


@pytest.mark.parametrize("size", [SIZE, (80, 48)])
def test_coco_of_bare_names(root, tmp_path, size):
    for day, start in STARTS.items():
        for number in (1, 2):
            save_image(tmp_path / day / "images" / f"{number}.png", start + number, size if day == "day2" else SIZE)
        file = save_coco(
            tmp_path / f"{day}.json",
            {f"{number}.png": start + number for number in (1, 2)},
            size if day == "day2" else SIZE,
        )
        import_labels(root, file, images=tmp_path / day / "images")
    assert labels_by_folder(root) == {"images": [1, 2], "day2_images": [101, 102]}


def test_images_that_join_others_are_told(root, tmp_path, caplog):
    save_image(tmp_path / "day1" / "images" / "1.png", 1)
    save_image(tmp_path / "day2" / "images" / "2.png", 102)
    import_labels(root, save_coco(tmp_path / "1.json", {"day1/images/1.png": 1}))
    assert not caplog.text
    import_labels(root, save_coco(tmp_path / "2.json", {"day2/images/2.png": 102}))
    assert "day2/images are added to labeled-data/images" in caplog.text
    assert labels_by_folder(root) == {"images": [1, 102]}


def test_an_image_of_another_size_than_the_file_says(root, tmp_path):
    save_image(tmp_path / "images" / "1.png", 1)
    with pytest.raises(DlcxError, match=r"gone/images/1\.png has 60 x 50 pixels, but .*images/1\.png.* 96 x 64 pixels"):
        import_labels(root, save_coco(tmp_path / "a.json", {"/gone/images/1.png": 1}, (60, 50)))


def test_files_that_are_no_images_leave_no_trace(root, tmp_path):
    save_image(tmp_path / "got" / "sec" / "1.png", 1)
    (tmp_path / "private.txt").write_text("a private file")
    (tmp_path / "got" / "sec" / "2.png").symlink_to(tmp_path / "private.txt")
    file = save_coco(tmp_path / "got" / "c.json", {"sec/1.png": 1, "sec/2.png": 2})
    before = tree(root)
    with pytest.raises(DlcxError, match=r"sec/2\.png: not an image"):
        import_labels(root, file)
    assert tree(root) == before


def test_frames_that_a_video_does_not_have_leave_no_trace(days, root, tmp_path):
    file = save_slp(tmp_path / "1.slp", [(days["day1"], 3, 3), (days["day1"], 12, 12)])
    before = tree(root)
    with pytest.raises(DlcxError, match="has 12 frames, but there are labels of frame 12"):
        import_labels(root, file)
    assert tree(root) == before


@pytest.fixture
def more(days, root, tmp_path) -> Path:
    """Labels of two videos, one of which has labels in the project already."""
    import_labels(root, slp_of(days, tmp_path / "1.slp", "day1"))
    frames = [(days[day], number, start + number) for day, start in STARTS.items() for number in (2, 7, 9)]
    return save_slp(tmp_path / "more.slp", frames)


@pytest.mark.parametrize("at", ["write_labels", "add_videos", *range(1, 9)])
def test_a_failed_import_changes_nothing(more, root, monkeypatch, at):
    def fails(calls, function):
        def call(*given, **named):
            nonlocal calls
            calls -= 1
            if not calls:
                raise OSError(errno.ENOSPC, "No space left on device")
            return function(*given, **named)

        return call

    if isinstance(at, int):
        # the moves to their places: of four images and two pairs of label files
        monkeypatch.setattr(folder_transaction.shutil, "copy2", fails(at, shutil.copy2) if at < 3 else shutil.copy2)
        monkeypatch.setattr(folder_transaction, "sync_folder", fails(at, folder_transaction.sync_folder))
    elif at == "add_videos":
        monkeypatch.setattr(config_edits, "add_videos", fails(1, config_edits.add_videos))
    else:
        monkeypatch.setattr(importing, "write_labels", fails(2, importing.write_labels))
    before = tree(root)
    with pytest.raises(DlcxError, match="disk full"):
        import_labels(root, more, overwrite=True)
    assert tree(root) == before


@pytest.mark.posix
@pytest.mark.parametrize("moves", range(1, 9))
def test_a_killed_import_is_completed_by_the_next(more, root, moves):
    child = os.fork()
    if not child:
        replace = os.replace

        def dies(source, target):
            nonlocal moves
            if ".import.part" in str(source) and ".import.part" not in str(target):
                moves -= 1
                if not moves:
                    os._exit(9)
            replace(source, target)

        os.replace = dies
        try:
            import_labels(root, more)
        finally:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    for labels in (root / "labeled-data").glob("*/*.h5"):
        assert all(root.joinpath(*image).is_file() for image in read_labels(labels).images)
    import_labels(root, more)
    assert labels_by_folder(root) == {"cam": [1, 2, 7, 9], "day2_cam": [102, 107, 109]}
    assert not [path for path in root.rglob("*") if path.name.startswith(".")]


def test_rows_deleted_from_a_csv_are_deleted(root, capsys):
    for number in range(4):
        save_image(root / "labeled-data" / "v" / f"img{number}.png", number)
    csv = save_csv(root, "v", {f"img{number}.png": number for number in range(4)}, "me")
    csv.write_text("".join(line for line in csv.read_text().splitlines(keepends=True) if "img2" not in line))
    edited = csv.read_text()
    assert run(["import-labels", str(csv), "-p", str(root)]) == 3  # would write the rows of the h5 into the csv
    assert "has 1 rows of the h5 missing" in capsys.readouterr().err
    assert csv.read_text() == edited
    assert run(["import-labels", str(csv), "-p", str(root), "--overwrite"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "v: 0 newly labeled images, 3 replaced, 1 rows deleted"
    assert labels_by_folder(root) == {"v": [0, 1, 3]}


def test_rows_that_another_file_lacks_stay(root, tmp_path):
    for number in range(4):
        save_image(root / "labeled-data" / "v" / f"img{number}.png", number)
    save_csv(root, "v", {f"img{number}.png": number for number in range(4)}, "me")
    other = save_csv(tmp_path / "mail", "v", {"img1.png": 1})
    assert import_labels(root, other, overwrite=True).folders[0].replaced == 1
    assert labels_by_folder(root) == {"v": [0, 1, 2, 3]}


def test_pictures_are_the_same_whatever_compressed_them():
    image = frame(77)
    for codec in (".jpg", ".png"):
        data = cv2.imencode(codec, image, [cv2.IMWRITE_JPEG_QUALITY, 90] if codec == ".jpg" else [])[1]
        assert is_same_image(image, cv2.imdecode(data, cv2.IMREAD_COLOR))
    moved = image.copy()
    moved[:6, 60:66] = 40  # an animal of 6 x 6 pixels, of little contrast
    assert not is_same_image(image, moved)
    assert not is_same_image(image, image[:-1])
