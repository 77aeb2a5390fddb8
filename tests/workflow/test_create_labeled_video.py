from __future__ import annotations

import itertools
import logging
import re
from pathlib import Path

import av
import numpy as np
import pytest
from small_videos import SIZE, disc, write_video

from dlcx.cli.app import run
from dlcx.data.video import open_video, read_frames
from dlcx.errors import DlcxError
from dlcx.formats.predictions.analysis_pickles import AnalysisMeta, write_meta_pickle
from dlcx.formats.predictions.video_predictions import write_predictions
from dlcx.poses import Layout, Tracks
from dlcx.visuals.labeled_video import PosePainter, with_frame_number
from dlcx.visuals.video_writer import default_codec
from dlcx.workflow.create_labeled_video import create_labeled_video

SCORER = "DLC_Resnet50_goldsaNov22shuffle1_snapshot_10"
TRAIN = "dlc-models-pytorch/iteration-0/goldsaNov22-trainset75shuffle1/train"
LAYOUT = Layout(("snout", "back", "tail"))


def poses(first: int, stop: int) -> Tracks:
    """Snout on the disc, back in a corner, tail there too but unsure."""
    xy = np.zeros((stop - first, 1, 3, 2), np.float32)
    xy[:, 0, 0] = [disc(number) for number in range(first, stop)]
    xy[:, 0, 1] = (80, 55)
    xy[:, 0, 2] = (90, 10)
    score = np.broadcast_to(np.float32([0.9, 0.8, 0.3]), (stop - first, 1, 3)).copy()
    return Tracks(LAYOUT, xy, score, first=first)


@pytest.fixture
def video(project: Path) -> Path:
    (project / TRAIN / "snapshot-010.pt").write_bytes(b"weights")
    return write_video(project / "videos" / "v.avi", 20)


def images(path: Path) -> np.ndarray:
    return np.concatenate([batch.images for batch in read_frames(open_video(path), 8)]).astype(int)


def test_dots_lie_on_the_bodyparts(project: Path, video: Path) -> None:
    write_predictions(poses(0, 20), video.with_name(f"v{SCORER}.h5"), SCORER)
    done = create_labeled_video(project, video, dotsize=6, skeleton=False).videos[0]
    assert done.labeled == video.with_name(f"v{SCORER}_p60_labeled.mp4")
    assert (done.frames, done.existed) == (20, False)
    written = open_video(done.labeled)
    assert (written.frames, written.fps, (written.width, written.height)) == (20, 25, SIZE)
    change = np.abs(images(done.labeled) - images(video)).sum(-1)
    for number in range(20):
        x, y = disc(number)
        assert change[number, y, x] > 150
    assert (change[:, 55, 80] > 150).all()
    assert (change[:, 10, 90] < 100).all()  # below pcutoff


@pytest.mark.parametrize(("color", "shade"), [("'#ff0000'", (255, 0, 0)), ("white", (255, 255, 255))])
def test_bones_have_the_color_of_the_project_config(project: Path, video: Path, color: str, shade: tuple) -> None:
    config = project / "config.yaml"
    config.write_text(config.read_text().replace("skeleton_color: black", f"skeleton_color: {color}"))
    config.write_text(re.sub(r"skeleton:\n(- .*\n)+(  .*\n|- .*\n)*", "skeleton: [[back, tail]]\n", config.read_text()))
    tracks = poses(0, 3)
    tracks.xy[:, 0, 1:] = [(20, 10), (70, 10)]
    tracks.score[:] = 0.9
    write_predictions(tracks, video.with_name(f"v{SCORER}.h5"), SCORER)
    done = create_labeled_video(project, video, dotsize=12, keypoints_only=True).videos[0]
    np.testing.assert_allclose(images(done.labeled)[1][10, 45], shade, atol=45)


def test_a_color_that_does_not_exist_is_refused(project: Path, video: Path) -> None:
    config = project / "config.yaml"
    config.write_text(config.read_text().replace("skeleton_color: black", "skeleton_color: whit"))
    write_predictions(poses(0, 3), video.with_name(f"v{SCORER}.h5"), SCORER)
    with pytest.raises(DlcxError, match="skeleton_color: matplotlib has no 'whit'") as caught:
        create_labeled_video(project, video)
    assert "white" in caught.value.hint


def test_what_is_there_is_kept(project: Path, video: Path) -> None:
    write_predictions(poses(0, 20), video.with_name(f"v{SCORER}.h5"), SCORER)
    first = create_labeled_video(project, video).videos[0]
    content = first.labeled.read_bytes()
    again = create_labeled_video(project, video)
    assert again.videos[0].existed
    assert "was there already" in again.lines()[0]
    assert first.labeled.read_bytes() == content
    assert not create_labeled_video(project, video, overwrite=True, trail=5).videos[0].existed
    assert create_labeled_video(project, video, pcutoff=0.29).videos[0].labeled.name.endswith("_p28_labeled.mp4")


def test_a_video_with_other_settings_or_of_older_poses_is_kept(project: Path, video: Path) -> None:
    h5 = video.with_name(f"v{SCORER}.h5")
    write_predictions(poses(0, 10), h5, SCORER)
    first = create_labeled_video(project, video, bodyparts=["tail", "snout"]).videos[0]
    content = first.labeled.read_bytes()
    others = ({"bodyparts": ["snout"]}, {"trail": 20}, {"colormap": "viridis"}, {"frames": (0, 5)}, {"pcutoff": 0.605})
    for other in others:
        with pytest.raises(DlcxError, match=rf"was made with other settings: .*{next(iter(other))} .*, now") as told:
            create_labeled_video(project, video, **{"bodyparts": ["tail", "snout"], **other})
        assert "--overwrite" in told.value.hint
    with pytest.raises(DlcxError, match="--bodypart snot") as told:
        create_labeled_video(project, video, bodyparts=["snot"])
    assert "snout" in told.value.hint
    again = create_labeled_video(project, video, bodyparts=["snout", "tail"]).videos[0]
    assert (again.existed, again.frames) == (True, 10)
    write_predictions(poses(0, 20), h5, SCORER)
    with pytest.raises(DlcxError, match="is made of poses that have changed since"):
        create_labeled_video(project, video, bodyparts=["tail", "snout"])
    assert first.labeled.read_bytes() == content
    assert create_labeled_video(project, video, overwrite=True).videos[0].frames == 20
    write_video(first.labeled, 5)  # by another program
    with pytest.raises(DlcxError, match="does not say how it was made"):
        create_labeled_video(project, video)


def test_a_video_without_its_note_is_not_left(project: Path, video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk may be full just then; asked again it is drawn again."""
    write_predictions(poses(0, 4), video.with_name(f"v{SCORER}.h5"), SCORER)

    def full(path: Path, origin: str) -> None:
        raise DlcxError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr("dlcx.workflow.create_labeled_video.note_origin", full)
        with pytest.raises(DlcxError, match="disk full"):
            create_labeled_video(project, video)
    assert not create_labeled_video(project, video).videos[0].existed


def test_a_part_of_the_video(project: Path, video: Path) -> None:
    write_predictions(poses(5, 12), video.with_name(f"v{SCORER}.h5"), SCORER)
    done = create_labeled_video(project, video, dotsize=6).videos[0]
    assert done.frames == 7
    change = np.abs(images(done.labeled) - images(video)[5:12]).sum(-1)
    assert all(change[index, y, x] > 150 for index, (x, y) in enumerate(map(disc, range(5, 12))))


def test_coordinates_of_a_crop_are_moved(project: Path, video: Path) -> None:
    """DeepLabCut counts from the corner of the crop, and says so in _meta.pickle."""
    tracks = poses(0, 20)
    tracks.xy[...] -= (40, 10)
    write_predictions(tracks, video.with_name(f"v{SCORER}.h5"), SCORER)
    meta = AnalysisMeta(SCORER, LAYOUT, 0, 1, 25, (56, 54), 20, 8, 0, 0.75, crop=(40, 96, 10, 64))
    write_meta_pickle(meta, video.with_name(f"v{SCORER}_meta.pickle"))
    done = create_labeled_video(project, video, dotsize=6).videos[0]
    change = np.abs(images(done.labeled) - images(video)).sum(-1)
    assert (change[:, 55, 80] > 150).all()


def two_animals(count: int) -> Tracks:
    """Two animals of two bodyparts: one on the left, one on the right, in the same place in all frames."""
    xy = np.zeros((count, 2, 2, 2), np.float32)
    xy[:, 0], xy[:, 1] = [(60, 20), (60, 44)], [(88, 20), (88, 44)]
    layout = Layout(("snout", "tail"), ("ann", "bob"), multi=True)
    return Tracks(layout, xy, np.ones((count, 2, 2), np.float32))


def test_individuals_have_colors_and_boxes(project: Path, video: Path) -> None:
    h5 = video.with_name(f"v{SCORER}_el.h5")
    write_predictions(two_animals(20), h5, SCORER, key="tracks")
    black = {"keypoints_only": True, "dotsize": 8}
    by_part = create_labeled_video(project, video, **black).videos[0]
    by_animal = create_labeled_video(project, video, color_by="individual", **black).videos[0]
    assert by_part.labeled.name == f"v{SCORER}_el_bp_p60_labeled.mp4"
    assert by_animal.labeled.name == f"v{SCORER}_el_id_p60_labeled.mp4"
    assert by_part.poses == by_animal.poses == h5
    part, animal = images(by_part.labeled)[10], images(by_animal.labeled)[10]
    points = [(60, 20), (60, 44), (88, 20), (88, 44)]  # ann's snout and tail, bob's
    snout, tail, other_snout, other_tail = (part[y, x] for x, y in points)
    assert np.abs(snout - other_snout).max() < 40 < np.abs(snout - tail).max()
    assert np.abs(tail - other_tail).max() < 40
    snout, tail, other_snout, other_tail = (animal[y, x] for x, y in points)
    assert np.abs(snout - tail).max() < 40 < np.abs(snout - other_snout).max()
    assert part[10, :50].max() < 40  # nothing of the video

    boxes = create_labeled_video(project, video, boxes="only", overwrite=True, **black).videos[0]
    drawn = images(boxes.labeled)[10].sum(-1)
    assert drawn[32, 60] < 60  # no bone
    assert drawn[32, 54:58].max() > 150  # the left side of the box around ann


def test_some_bodyparts_and_frames(project: Path, video: Path) -> None:
    write_predictions(poses(0, 20), video.with_name(f"v{SCORER}.h5"), SCORER)
    options = {"bodyparts": ["back"], "frames": (5, 15), "fps": 5, "dotsize": 6}
    done = create_labeled_video(project, video, **options).videos[0]
    assert (done.frames, open_video(done.labeled).fps) == (10, 5)
    change = np.abs(images(done.labeled) - images(video)[5:15]).sum(-1)
    assert (change[:, 55, 80] > 150).all()
    assert all(change[index, y, x] < 150 for index, (x, y) in enumerate(map(disc, range(5, 15))))
    with pytest.raises(DlcxError, match="--bodypart bakc"):
        create_labeled_video(project, video, bodyparts=["bakc"], overwrite=True)
    with pytest.raises(DlcxError, match="poses of the frames 0:20"):
        create_labeled_video(project, video, frames=(20, 30), overwrite=True)


@pytest.mark.parametrize(("codec", "suffix"), [("MJPG", ".avi"), ("libx264", ".mp4"), ("vp9", ".webm")])
def test_codecs(project: Path, video: Path, codec: str, suffix: str) -> None:
    write_predictions(poses(0, 20), video.with_name(f"v{SCORER}.h5"), SCORER)
    done = create_labeled_video(project, video, codec=codec, dotsize=6).videos[0]
    assert done.labeled == video.with_name(f"v{SCORER}_p60_labeled{suffix}")
    written = images(done.labeled)
    assert written.shape == (20, SIZE[1], SIZE[0], 3)
    assert (np.abs(written - images(video)).sum(-1)[:, 55, 80] > 150).all()


def test_browsers_play_the_default(project: Path, video: Path) -> None:
    """H.264 with 4:2:0 colors, and the index of the MP4 before the pictures."""
    write_predictions(poses(0, 20), video.with_name(f"v{SCORER}.h5"), SCORER)
    labeled = create_labeled_video(project, video).videos[0].labeled
    with av.open(str(labeled)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
    content = labeled.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_machines_without_an_encoder_of_h264_write_mpeg4(monkeypatch: pytest.MonkeyPatch) -> None:
    assert default_codec() == "libx264"
    monkeypatch.setattr(av, "codecs_available", {"mpeg4", "libopenh264"})
    assert default_codec() == "libopenh264"
    monkeypatch.setattr(av, "codecs_available", {"mpeg4"})
    assert default_codec() == "mp4v"


def test_frame_numbers_are_those_of_the_video(project: Path, video: Path) -> None:
    """Each picture's corner is what the number drawn alone is."""
    write_predictions(poses(0, 20), video.with_name(f"v{SCORER}.h5"), SCORER)
    plain = create_labeled_video(project, video, codec="ffv1", frames=(9, 12)).videos[0].labeled
    before = images(plain)
    done = create_labeled_video(project, video, codec="ffv1", frames=(9, 12), frame_number=True, overwrite=True).videos[
        0
    ]
    for number, image in zip(range(9, 12), images(done.labeled), strict=True):
        expected = with_frame_number(before[number - 9].astype(np.uint8).copy(), number)
        assert np.abs(image - expected).max() <= 3
        assert np.abs(image - before[number - 9]).sum() > 1000
    numbers = [with_frame_number(np.zeros((40, 90, 3), np.uint8), number) for number in (1, 7, 10)]
    assert not any(np.array_equal(one, other) for one, other in itertools.combinations(numbers, 2))


@pytest.mark.parametrize(
    ("by", "words"),
    [("bodypart", ["snout", "back", "tail", "lamp"]), ("individual", ["a", "b", "unique bodyparts"])],
)
def test_the_legend_names_colors_as_they_are_drawn(by: str, words: list[str]) -> None:
    layout = Layout(("snout", "back", "tail"), ("a", "b"), ("lamp",), multi=True)
    xy = np.array([[[[20, 20], [60, 20], [100, 20]], [[20, 60], [60, 60], [100, 60]]]], np.float32)
    tracks = Tracks(layout, xy, np.ones((1, 2, 3), np.float32), np.float32([[[60, 100]]]), np.ones((1, 1), np.float32))
    painter = PosePainter(tracks, pcutoff=0.5, color_by=by, dotsize=12)
    image = painter(np.zeros((120, 120, 3), np.uint8), 0)
    names = dict(painter.names)
    assert list(names) == words
    animals, parts = ("a", "b"), layout.bodyparts
    for animal, part in itertools.product(range(2), range(3)):
        x, y = xy[0, animal, part].astype(int)
        assert image[y, x].tolist() == names[parts[part] if by == "bodypart" else animals[animal]]
    assert image[100, 60].tolist() == names["lamp" if by == "bodypart" else "unique bodyparts"]


def test_the_legend_is_a_strip_below_the_video(project: Path, video: Path) -> None:
    write_predictions(poses(0, 20), video.with_name(f"v{SCORER}.h5"), SCORER)
    before = images(create_labeled_video(project, video, codec="ffv1").videos[0].labeled)
    labeled = create_labeled_video(project, video, codec="ffv1", legend=True, overwrite=True).videos[0].labeled
    after = images(labeled)
    height = before.shape[1]
    assert after.shape[1] > height
    assert after.shape[1] % 2 == 0
    np.testing.assert_allclose(after[:, : height - 2], before[:, : height - 2], atol=3)
    assert after[:, height:].max() > 150  # words


def test_a_codec_that_nothing_writes(project: Path, video: Path) -> None:
    with pytest.raises(DlcxError, match="--codec nonsense") as told:
        create_labeled_video(project, video, codec="nonsense")
    assert told.value.hint


def test_poses_of_another_video_are_refused(project: Path, video: Path) -> None:
    write_predictions(poses(0, 30), video.with_name(f"v{SCORER}.h5"), SCORER)
    with pytest.raises(DlcxError, match="reaches to frame 29"):
        create_labeled_video(project, video)


def test_command(
    project: Path,
    video: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.chdir(project)
    assert run(["create-labeled-video", "videos/v.avi"]) == 3
    assert "Run `dlcx analyze-video videos/v.avi` first" in capsys.readouterr().err
    write_predictions(poses(0, 20), video.with_name(f"v{SCORER}.h5"), SCORER)
    assert run(["create-labeled-video", "videos/v.avi", "--colormap", "rainbo", "-q"]) == 3
    assert "rainbow" in capsys.readouterr().err
    write_video(project / "videos" / "w.avi", 4)
    assert run(["create-labeled-video", "videos", "-q"]) == 4
    output = capsys.readouterr()
    assert output.out.splitlines()[0] == f"labeled video: videos/v{SCORER}_p60_labeled.mp4, 20 frames"
    assert "w.avi" in output.err
    logging.getLogger("dlcx").handlers.clear()
