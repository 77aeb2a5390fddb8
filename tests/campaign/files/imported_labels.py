"""Import labels of other programs (COCO json and SLEAP .slp) into a project with images."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from campaign.case import EITHER, REFUSED, RIGHT, Case
from campaign.checks import imported, without
from campaign.small_projects import IMAGES, LABELED, LABELS, PARTS, SIZE, points_of, values

IMPORT = (("import-labels", "given.json", "-p", "P"),)
IMPORT_SLP = (("import-labels", "given.slp", "-p", "P"),)
Content = dict[str, Any]


def coco() -> Content:
    """Return the labels of the project in COCO format."""
    table = values(False).reshape(len(IMAGES), len(PARTS), 2)
    annotations = []
    for row, xy in enumerate(table):
        seen = np.isfinite(xy).all(-1)
        flat = np.concatenate([np.where(seen[:, None], xy, 0), 2 * seen[:, None]], axis=1).ravel().tolist()
        annotations.append(
            {
                "id": row + 1,
                "image_id": row + 1,
                "category_id": 1,
                "keypoints": flat,
                "num_keypoints": int(seen.sum()),
                "bbox": [0, 0, *SIZE],
                "area": 9.0,
                "iscrowd": 0,
            }
        )
    return {
        "images": [
            {"id": row + 1, "file_name": "/".join(image), "width": SIZE[0], "height": SIZE[1]}
            for row, image in enumerate(IMAGES)
        ],
        "categories": [{"id": 1, "name": "mouse", "keypoints": list(PARTS), "skeleton": []}],
        "annotations": annotations,
    }


def unlabeled(folder: Path) -> None:
    """Remove the label files of the project, but keep its images."""
    for suffix in (".h5", ".csv"):
        (folder / "P" / f"{LABELS}{suffix}").unlink()


def written(change: Callable[[Content], Any]) -> Callable[..., None]:
    """Write a changed json next to the project, which has images but no labels."""

    def make(folder: Path, rng: np.random.Generator) -> None:
        unlabeled(folder)
        new = change(copy.deepcopy(coco()))
        if not isinstance(new, bytes | str):
            new = json.dumps(new)
        (folder / "P" / "given.json").write_bytes(new if isinstance(new, bytes) else new.encode())
        (folder / "P" / "given.json").rename(folder / "given.json")
        (folder / "labeled-data").symlink_to("P/labeled-data")

    return make


def put(*path: Any, value: Any) -> Callable[[Content], Content]:
    """Replace one value."""

    def change(content: Content) -> Content:
        place: Any = content
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
        return content

    return change


def drop(*path: Any) -> Callable[[Content], Content]:
    """Remove one entry."""

    def change(content: Content) -> Content:
        place: Any = content
        for key in path[:-1]:
            place = place[key]
        del place[path[-1]]
        return content

    return change


def all_of(kind: str, change: Callable[[dict[str, Any]], Any]) -> Callable[[Content], Content]:
    """Change every entry of a list."""

    def changed(content: Content) -> Content:
        for entry in content[kind]:
            change(entry)
        return content

    return changed


def ids(convert: Callable[[int], Any]) -> Callable[[Content], Content]:
    """Change the image ids."""

    def change(content: Content) -> Content:
        for entry in content["images"]:
            entry["id"] = convert(entry["id"])
        for entry in content["annotations"]:
            entry["image_id"] = convert(entry["image_id"])
        return content

    return change


def _seen(value: float) -> Callable[[Content], Content]:
    """Change the visibility flags."""

    def change(entry: dict[str, Any]) -> None:
        flat = entry["keypoints"]
        flat[2::3] = [value if sign else 0 for sign in flat[2::3]]

    return all_of("annotations", change)


SAME: dict[str, Callable[[Content], Any]] = {
    "as it is": lambda content: content,
    "indented": lambda content: json.dumps(content, indent=8),
    "BOM": lambda content: b"\xef\xbb\xbf" + json.dumps(content).encode(),
    "UTF-16": lambda content: json.dumps(content).encode("utf-16"),
    "annotations reversed": lambda content: {**content, "annotations": content["annotations"][::-1]},
    "images reversed": lambda content: {**content, "images": content["images"][::-1]},
    "ids of text": ids(str),
    "ids of fractions": ids(float),
    "negative ids": ids(lambda number: -number),
    "ids of 10^30": ids(lambda number: 10**30 + number),
    "ids from 0": ids(lambda number: number - 1),
    "visible written 1": _seen(1),
    "visible written 2.0": _seen(2.0),
    "no num_keypoints, bbox and area": all_of(
        "annotations", lambda entry: [entry.pop(key) for key in ("num_keypoints", "bbox", "area", "iscrowd")]
    ),
    "no sizes": all_of("images", lambda entry: [entry.pop(key) for key in ("width", "height")]),
    "sizes of text": all_of("images", lambda entry: entry.update(width="96", height="64")),
    "keypoints in another order": lambda content: _reordered(content),
    "a category of boxes too": lambda content: {
        **content,
        "categories": [*content["categories"], {"id": 7, "name": "cage"}],
        "annotations": [*content["annotations"], {"id": 99, "image_id": 1, "category_id": 7, "bbox": [0, 0, 9, 9]}],
    },
    "info and licenses": lambda content: {**content, "info": {"year": 2024}, "licenses": [{"id": 1}]},
    "an unlabeled image": lambda content: {
        **content,
        "images": [*content["images"], {"id": 77, "file_name": "labeled-data/arena/img000.png"}][:6],
    },
    "backslashes in names": all_of(
        "images", lambda entry: entry.update(file_name=entry["file_name"].replace("/", "\\"))
    ),
    "./ in front of names": all_of("images", lambda entry: entry.update(file_name="./" + entry["file_name"])),
    "a dataset's key order": lambda content: dict(reversed(content.items())),
    "large numbers in exponents": lambda content: json.dumps(content).replace("8.25", "825e-2"),
}


def _reordered(content: Content) -> Content:
    content["categories"][0]["keypoints"] = list(PARTS[::-1])
    for entry in content["annotations"]:
        entry["keypoints"] = np.reshape(entry["keypoints"], (-1, 3))[::-1].ravel().tolist()
    return content


BROKEN: dict[str, Callable[[Content], Any]] = {
    "no bytes": lambda _: "",
    "null": lambda _: "null",
    "a list": lambda _: [],
    "an empty object": lambda _: {},
    "cut": lambda content: json.dumps(content)[:500],
    "nan as text": lambda content: json.dumps(content).replace("8.25", '"nan"'),
    "NaN": lambda content: json.dumps(content).replace("8.25", "NaN"),
    "Infinity": lambda content: json.dumps(content).replace("8.25", "Infinity"),
    "10^400": lambda content: json.dumps(content).replace("8.25", "1" + "0" * 400),
    "1e999": lambda content: json.dumps(content).replace("8.25", "1e999"),
    "nested 100,000 deep": lambda _: "[" * 100_000,
    "Latin-1": lambda content: json.dumps(content).replace("mouse", "M\xe4use").encode("latin-1"),
    "no images": drop("images"),
    "no categories": drop("categories"),
    "no annotations": drop("annotations"),
    "categories without keypoints": drop("categories", 0, "keypoints"),
    "images of null": put("images", value=None),
    "annotations of text": put("annotations", value="none"),
    "an annotation of null": put("annotations", 2, value=None),
    "an unknown image": put("annotations", 2, "image_id", value=99),
    "an unknown category": put("annotations", 2, "category_id", value=99),
    "two images of one id": put("images", 1, "id", value=1),
    "two images of one name": put("images", 1, "file_name", value="/".join(IMAGES[0])),
    "two categories of one id": lambda content: {
        **content,
        "categories": [content["categories"][0], {"id": 1, "name": "rat", "keypoints": ["a"]}],
    },
    "a keypoint twice": put("categories", 0, "keypoints", value=["nose", "nose", "tail", "paw"]),
    "keypoints of numbers": put("categories", 0, "keypoints", value=[1, 2, 3, 4]),
    "keypoints of text": put("categories", 0, "keypoints", value="nose"),
    "a keypoint of control characters": put("categories", 0, "keypoints", value=["\x1b[31mnose", "ear", "tail", "paw"]),
    "three numbers less": put("annotations", 0, "keypoints", value=[1, 2, 2] * 3),
    "two numbers a keypoint": put("annotations", 0, "keypoints", value=[1, 2] * 4),
    "keypoints in lists": put("annotations", 0, "keypoints", value=[[1, 2, 2]] * 4),
    "keypoints of text in numbers": put("annotations", 0, "keypoints", value=["1", "2", "2"] * 4),
    "keypoints of null": put("annotations", 0, "keypoints", value=[None] * 12),
    "keypoints of true": put("annotations", 0, "keypoints", value=[True] * 12),
    "two animals in an image": lambda content: {
        **content,
        "annotations": [*content["annotations"], {**content["annotations"][0], "id": 50}],
    },
    "a missing image": put("images", 0, "file_name", value="labeled-data/arena/nowhere.png"),
    "an absolute image": put("images", 0, "file_name", value="/etc/passwd"),
    "an image out of the folder": put("images", 0, "file_name", value="../../../etc/passwd"),
    "an image of another kind": put("images", 0, "file_name", value="P/config.yaml"),
    "an image of no name": put("images", 0, "file_name", value=""),
    "an image of control characters": put("images", 0, "file_name", value="a\x1b[2Jb.png"),
    "an image of a number": put("images", 0, "file_name", value=7),
    "an image of 5000 letters": put("images", 0, "file_name", value="x" * 5000 + ".png"),
    "an image with a zero byte": put("images", 0, "file_name", value="a\0b.png"),
    "an image of a lone surrogate": lambda content: json.dumps(content).replace("img000", "\\ud800"),
    "an image of a wrong size": put("images", 0, "width", value=9999),
    "ids of lists": put("images", 0, "id", value=[1]),
}


def coco_cases() -> Iterator[Case]:
    """Return the cases of COCO files."""
    for title, change in SAME.items():
        yield Case(title, "COCO json", IMPORT, written(change), 1, names=r"given\.json", check=imported())
    loose = {"an unknown category", "a missing image", "10^400", "images of null", "an image of a wrong size"}
    for title, change in BROKEN.items():
        points = (
            without(points_of(), lambda point: point[0] != "/".join(IMAGES[2])) if "unknown category" in title else None
        )
        codes = EITHER if title in loose or "NaN" in title or "1e999" in title or title == "Infinity" else REFUSED
        if title == "keypoints in lists":
            first = {("/".join(IMAGES[0]), "", part): (1.0, 2.0) for part in PARTS}
            points, codes = {**points_of(), **first}, EITHER
        if title == "a keypoint of control characters":
            points, codes = without(points_of(), lambda point: point[2] != "nose"), EITHER
        check = imported(points) if codes == EITHER else None
        yield Case(
            title,
            "COCO json",
            IMPORT,
            written(change),
            1,
            codes=codes,
            check=check,
            names=r"given\.json|img|image|P/config|passwd|animals|nowhere|ud800|xxxxx",
        )


def slp(change: Callable[[Any, Any], object] = lambda labels, library: None) -> Callable[..., None]:
    """Write the labels of the project to a changed .slp that refers to its video."""

    def make(folder: Path, rng: np.random.Generator) -> None:
        import sleap_io

        unlabeled(folder)
        skeleton = sleap_io.Skeleton(nodes=list(PARTS), name="mouse")
        video = sleap_io.Video.from_filename(str(folder / "P" / "videos" / "arena.avi"))
        frames = [
            sleap_io.LabeledFrame(
                video=video, frame_idx=number, instances=[sleap_io.Instance.from_numpy(xy, skeleton=skeleton)]
            )
            for number, xy in zip(LABELED, values(False).reshape(len(IMAGES), len(PARTS), 2), strict=True)
        ]
        labels = sleap_io.Labels(frames, videos=[video], skeletons=[skeleton])
        change(labels, sleap_io)
        sleap_io.save_slp(labels, str(folder / "given.slp"), verbose=False)

    return make


def h5(change: Callable[[Any], object]) -> Callable[..., None]:
    """Change the HDF5 content of a .slp."""

    def make(folder: Path, rng: np.random.Generator) -> None:
        import h5py

        slp()(folder, rng)
        with h5py.File(folder / "given.slp", "r+") as file:
            change(file)

    return make


def column(table: str, name: str, value: Any) -> Callable[..., None]:
    """Change a column of a table."""

    def change(file: Any) -> None:
        rows = file[table][:]
        rows[name] = value
        file[table][...] = rows

    return h5(change)


def delete(name: str) -> Callable[..., None]:
    """Remove a table."""
    return h5(lambda file: file.__delitem__(name))


def bytes_of(change: Callable[[bytes], bytes]) -> Callable[..., None]:
    """Replace the bytes of a file."""

    def make(folder: Path, rng: np.random.Generator) -> None:
        slp()(folder, rng)
        path = folder / "given.slp"
        path.write_bytes(change(path.read_bytes()))

    return make


def slp_cases() -> Iterator[Case]:
    """Return the cases of SLEAP files."""
    one_less = without(points_of(), lambda point: point[0] != "/".join(IMAGES[0]))
    same: dict[str, tuple[Callable[..., None], Any]] = {
        "as it is": (slp(), None),
        "frames reversed": (slp(lambda labels, _: labels.labeled_frames.reverse()), None),
        "a frame less": (slp(lambda labels, _: labels.labeled_frames.pop(0)), one_less),
        "a skeleton without a name": (slp(lambda labels, _: setattr(labels.skeletons[0], "name", None)), None),
        "an empty frame": (slp(lambda labels, _: labels.labeled_frames[0].instances.clear()), one_less),
        "a track": (slp(lambda labels, library: _tracked(labels, library)), None),
    }
    for title, (make, points) in same.items():
        yield Case(title, "SLEAP .slp", IMPORT_SLP, make, 1, names=r"given\.slp", check=imported(points))
    broken = {
        "no bytes": bytes_of(lambda _: b""),
        "a text": bytes_of(lambda _: b"labels"),
        "the first half": bytes_of(lambda data: data[: len(data) // 2]),
        "all but 50 bytes": bytes_of(lambda data: data[:-50]),
        "no frames": delete("frames"),
        "no instances": delete("instances"),
        "no points": delete("points"),
        "no metadata": delete("metadata"),
        "no videos": delete("videos_json"),
        "metadata of rubbish": h5(lambda file: file["metadata"].attrs.__setitem__("json", "{rubbish")),
        "metadata of a list": h5(lambda file: file["metadata"].attrs.__setitem__("json", "[]")),
        "frames of another video": column("frames", "video", 7),
        "frames beyond the video": column("frames", "frame_idx", 10**6),
        "negative frames": column("frames", "frame_idx", 2**64 - 5),
        "instances beyond the table": column("frames", "instance_id_end", 10**9),
        "points beyond the table": column("instances", "point_id_end", 10**9),
        "an unknown skeleton": column("instances", "skeleton", 9),
        "an unknown track": column("instances", "track", 9),
        "an unknown kind of instance": column("instances", "instance_type", 9),
        "points of nan": column("points", "x", np.nan),
        "points of infinity": column("points", "x", np.inf),
        "a video list of rubbish": h5(lambda file: _replaced(file, "videos_json", [b"{rubbish"])),
        "a video that is missing": h5(lambda file: _video(file, "/nowhere/cam.mp4")),
        "a video that is no video": h5(lambda file: _video(file, "/etc/passwd")),
        "a video of control characters": h5(lambda file: _video(file, "/tmp/\x1b[31mcam.mp4")),
        "a video of a number": h5(lambda file: _video(file, 7)),
        "a link to another file": h5(lambda file: _link(file)),
    }
    for title, make in broken.items():
        points = {} if title in ("points of nan", "points of infinity", "no points", "no instances") else points_of()
        yield Case(
            title,
            "SLEAP .slp",
            IMPORT_SLP,
            make,
            1,
            names=r"given\.slp|cam\.mp4|passwd|arena|frame",
            check=imported(points),
            codes=EITHER,
        )
    assert RIGHT


def _tracked(labels: Any, library: Any) -> None:
    track = library.Track(name="only")
    labels.tracks.append(track)
    for frame in labels.labeled_frames:
        frame.instances[0].track = track


def _replaced(file: Any, name: str, rows: list[bytes]) -> None:
    del file[name]
    file.create_dataset(name, data=np.array(rows))


def _video(file: Any, name: Any) -> None:
    text = json.loads(file["videos_json"][0])
    text["backend"]["filename"] = text["filename"] = name
    _replaced(file, "videos_json", [json.dumps(text).encode()])


def _link(file: Any) -> None:
    import h5py

    del file["points"]
    file["points"] = h5py.ExternalLink("/etc/passwd", "/points")


def cases() -> Iterator[Case]:
    """Return all cases of this module."""
    yield from coco_cases()
    yield from slp_cases()
