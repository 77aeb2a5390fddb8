"""Test YAML files as changed by editors, scripts and users: config.yaml, pytorch_config.yaml and others."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from campaign.case import EITHER, REFUSED, RIGHT, Case
from campaign.checks import Check, exported, poses, same_poses
from campaign.files.label_h5 import EXPORT
from campaign.small_projects import DATASET, LABELED, PARTS, TRAIN

ANALYZE = (("analyze-video", "P/videos/arena.avi", "-p", "P", "--out", "out"),)
TRACK = (("track", "P/videos/arena.avi", "-p", "P", "--overwrite"),)
AGAIN = (
    (
        "create-dataset",
        "-p",
        "P",
        "--shuffle",
        "2",
        "--from-shuffle",
        "1",
        "--net-type",
        "timm/test_resnet",
        "--weights",
        "none",
    ),
)
EVALUATE = (("evaluate", "-p", "P"),)
Change = Callable[[str], str | bytes]


def edited(file: str, change: Change) -> Callable[..., None]:
    """Change the text of a file of the project."""

    def make(folder: Path, rng: np.random.Generator) -> None:
        path = folder / "P" / file
        new = change(path.read_text())
        path.write_bytes(new if isinstance(new, bytes) else new.encode())

    return make


def key(name: str, value: str) -> Change:
    """Change the value of a top-level key."""

    def change(text: str) -> str:
        kept, skipping = [], False
        for line in text.splitlines():
            if line.startswith(f"{name}:"):
                kept.append(f"{name}: {value}".rstrip())
                skipping = True
            elif not (skipping and (line.startswith((" ", "- ")) or not line)):
                skipping = False
                kept.append(line)
        return "\n".join(kept) + "\n"

    return change


def within(old: str, new: str) -> Change:
    """Replace a text that occurs at least once."""

    def change(text: str) -> str:
        if old not in text:
            raise ValueError(f"{old!r} is not in the file")
        return text.replace(old, new)

    return change


#: Changes that do not affect the meaning of a YAML file.
SAME: dict[str, Change] = {
    "BOM": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "CRLF": lambda text: text.replace("\n", "\r\n"),
    "UTF-16": lambda text: text.encode("utf-16"),
    "UTF-16 big-endian": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "UTF-32": lambda text: text.encode("utf-32"),
    "YAML's directive": lambda text: "%YAML 1.1\n---\n" + text,
    "an end of the document": lambda text: text + "...\n",
    "spaces at the ends of lines": lambda text: text.replace("\n", "   \n"),
    "comments everywhere": lambda text: text.replace("\n", " # as it was\n"),
    "a comment of 100,000 characters": lambda text: f"# {'x' * 100_000}\n{text}",
    "no newline at its end": lambda text: text.rstrip("\n"),
}
#: Content that is invalid in every YAML file.
BROKEN: dict[str, Change] = {
    "no bytes": lambda _: "",
    "comments alone": lambda _: "# nothing\n",
    "a word": lambda _: "hello\n",
    "a number": lambda _: "12\n",
    "a list": lambda _: "- a\n- b\n",
    "null": lambda _: "null\n",
    "two documents": lambda text: text + "---\n" + text,
    "tabs in front": lambda text: text.replace("\n  ", "\n\t"),
    "tabs in front of every line": lambda text: "\t" + text.replace("\n", "\n\t"),
    "a cut line": lambda text: text[: len(text) // 2] + "\n  [unfinished",
    "Latin-1": lambda text: text.encode() + b"author: Andr\xe9\n",
    "a zero byte": lambda text: text + "\0",
    "an escape character": lambda text: text + "author: \x1b[31mred\n",
    "a Python object": lambda text: text + "author: !!python/object/apply:os.getcwd []\n",
    "an unknown tag": lambda text: text + "author: !mine 3\n",
    "a merge of a list": lambda text: text + "<<: [1, 2]\n",
    "an undefined alias": lambda text: text + "author: *nobody\n",
    "an alias of itself": lambda text: text + "author: &a [*a]\n",
    "a list as a key": lambda text: text + "? [a, b]\n: c\n",
    "nested 5000 deep": lambda text: text + "author: " + "[" * 5000 + "]" * 5000 + "\n",
    "conflict marks of git": lambda text: "<<<<<<< HEAD\n" + text + "=======\n>>>>>>> other\n",
    "JSON, cut": lambda _: '{"Task": "camp", ',
    "an image": lambda _: b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
}
LIST = "bodyparts: [nose, ear, tail, paw]"
CONFIG_SAME: dict[str, Change] = {
    "an anchor and its alias": within(LIST, f"parts: &p [{', '.join(PARTS)}]\nbodyparts: *p"),
    "a merge key": lambda text: text.replace("Task: camp\n", "").replace(
        "# Project path", "base: &b {Task: camp}\n<<: *b\n# Project path"
    ),
    "bodyparts one a line": within(LIST, "bodyparts:\n- nose\n- ear\n- tail\n- paw"),
    "bodyparts in quotes": within(LIST, 'bodyparts: [\'nose\', "ear", "\\x74ail", !!str paw]'),
    "bodyparts as block text": within(LIST, "bodyparts:\n- |-\n  nose\n- >-\n  ear\n- tail\n- paw"),
    "Unicode escapes": within(LIST, 'bodyparts: ["\\u006eose", ear, tail, paw]'),
    "an unknown key": lambda text: text + "my_own_note: 3\n",
    "a key twice, the same": lambda text: text + "scorer: me\n",
    "keys sorted": lambda text: text,
    "JSON": lambda text: __import__("json").dumps(__import__("yaml").safe_load(text)),
    "numbers as text": lambda text: text.replace("dotsize: 3", "dotsize: '3'").replace(
        "iteration: 0", "iteration: '0'"
    ),
    "fractions as text": within("- 0.5", "- '0.5'"),
    "a flag in capitals": within("multianimalproject: false", "multianimalproject: FALSE"),
    "a flag called no": within("multianimalproject: false", "multianimalproject: no"),
    "iteration 0.0": within("iteration: 0", "iteration: 0.0"),
    "unset numbers": within("x1: 0\nx2: 96\ny1: 0\ny2: 64\n", "x1:\nx2: ~\ny1: null\ny2:\n"),
    "no engine": within("engine: pytorch\n", ""),
    "no skeleton": key("skeleton", ""),
    "an empty skeleton": key("skeleton", "[]"),
    "no crop": within("    crop: 0, 96, 0, 64\n", "    crop:\n"),
    "a crop as a list": within("crop: 0, 96, 0, 64", "crop: [0, 96, 0, 64]"),
    "a path of Windows": within("/videos/arena.avi:", "\\videos\\arena.avi:"),
    "project_path of another machine": key("project_path", "Z:\\data\\camp"),
    "project_path missing": key("project_path", ""),
    "a date of YAML": key("date", "2024-01-01"),
    "a task that is a number": key("Task", "2024"),
    "a scorer in quotes": key("scorer", "'me'"),
}
CONFIG_WRONG = {
    "pcutoff": ["1e999", ".inf", ".nan", "-0.1", "high", "[0.1]", "{a: 1}", "true", "2024-01-01"],
    "TrainingFraction": ["[]", "0.5", "[0]", "[-1]", "[2]", "[a]", "[.nan]", "{a: 1}", "[[0.5]]"],
    "iteration": ["-1", "1e400", "'x'", "[]", "0.5", "99999999999999999999"],
    "bodyparts": [
        "",
        "[]",
        "nose",
        "[nose, nose, ear, tail]",
        "[nose, '', ear]",
        "[[nose], ear]",
        "[null, ear]",
        "{nose: 1}",
        '["a/b", ear]',
        '["a\\nb", ear]',
        '["\\e[31mred", ear]',
        "[nose, true, 0x1F, 1:30]",
    ],
    "video_sets": [
        "[]",
        "text",
        "{a.avi: 3}",
        "{3: {crop: '0, 1, 0, 1'}}",
        "{a.avi: {crop: 1}}",
        "{a.avi: {crop: '9, 1, 9, 1'}}",
        "{a.avi: {crop: 'x'}}",
        "{'': }",
    ],
    "skeleton": ["nose", "[[nose]]", "[[nose, elbow]]", "[[nose, ear, tail]]", "[3]", "{a: b}"],
    "scorer": ["", "[]", "a/b", "'..'", "{}", "'\\x00'", "true"],
    "Task": ["", "a/b", "'../x'", "[]", "'con\\x07'"],
    "date": ["'../..'", "[]"],
    "batch_size": ["0", "-1", "1.5", "1e10", "many"],
    "dotsize": ["-1", "0", ".inf", "x", "1e9"],
    "colormap": ["nocolors", "3", "[]"],
    "alphavalue": ["-1", "2", ".nan", "x"],
    "multianimalproject": ["maybe", "3", "[]", ""],
    "cropping": ["3", "maybe"],
    "default_track_method": ["lasso", "3"],
    "default_net_type": ["resnet_1", "[]"],
    "numframes2pick": ["0", "-3", "x", "1e30"],
    "start": ["2", "-1", ".nan", "x"],
    "snapshotindex": ["best", "1e5", "[]"],
    "corner2move2": ["x", "[1]"],
    "identity": ["maybe", "[1]"],
}
MODEL_SAME: dict[str, Change] = {
    "an unknown key at the top": lambda text: text + "mine: 3\n",
    "numbers as text": within("out_index: 4", "out_index: '4'"),
    "a stride as a fraction": within("output_stride: 16", "output_stride: 16.0"),
    "an anchor and its alias": lambda text: text.replace(
        "channels:\n        - 96\n        - 4", "channels: &c [96, 4]"
    ),
    "paths of another machine": lambda text: text.replace("project_path: /", "project_path: Z:\\"),
    "no metadata paths": lambda text: "\n".join(line for line in text.splitlines() if "pose_config_path" not in line),
    "no runner": key("runner", ""),
    "no logger key": within("logger:\n", ""),
    "a key twice, the same": lambda text: text + "method: bu\n",
}
MODEL_WRONG: dict[str, Change] = {
    "no model": key("model", ""),
    "a list as model": key("model", "[]"),
    "another backbone": within("model_name: test_resnet", "model_name: resnet18"),
    "an unknown backbone": within("type: Timm", "type: Blimp"),
    "a backbone out of the project": within("model_name: test_resnet", "model_name: ../../x"),
    "an endless stride": within("output_stride: 16", "output_stride: .inf"),
    "a stride of 0": within("output_stride: 16", "output_stride: 0"),
    "a stride of 10^12": within("output_stride: 16", "output_stride: 1000000000000"),
    "3 heat maps": within("- 96\n        - 4", "- 96\n        - 3"),
    "10^9 heat maps": within("- 96\n        - 4", "- 96\n        - 1000000000"),
    "negative channels": within("- 96\n        - 4", "- -96\n        - 4"),
    "no bodyparts": within("bodyparts:\n  - nose\n  - ear\n  - tail\n  - paw\n", "bodyparts: []\n"),
    "three bodyparts": within("  - paw\n", ""),
    "five bodyparts": within("  - paw\n", "  - paw\n  - wing\n"),
    "a bodypart twice": within("  - paw\n", "  - nose\n"),
    "bodyparts as text": within("bodyparts:\n  - nose\n  - ear\n  - tail\n  - paw\n", "bodyparts: nose\n"),
    "no head": within("    bodypart:\n      type: HeatmapHead", "    body:\n      type: Heat"),
    "a head of numbers": within("type: HeatmapHead", "type: 12"),
    "a strange predictor": within("type: HeatmapPredictor", "type: Oracle"),
    "a deviation that is nan": within("locref_std: 7.2801", "locref_std: .nan"),
    "a kernel of 0": within("kernel_size:\n        - 3", "kernel_size:\n        - 0"),
    "a kernel of 10^9": within("kernel_size:\n        - 3", "kernel_size:\n        - 1000000000"),
    "a stride of a head of 10^9": within("strides:\n        - 2", "strides:\n        - 1000000000"),
    "a method of another kind": within("method: bu", "method: td"),
    "an unknown color mode": within("colormode: RGB", "colormode: LAB"),
    "a prefix out of the project": within("snapshot_prefix:", "snapshot_prefix: ../../x"),
}
METADATA_SAME: dict[str, Change] = {
    "no comments": lambda text: "\n".join(line for line in text.splitlines() if not line.startswith("#")) + "\n",
    "a shuffle more, of a deleted model": lambda text: (
        text
        + "  campJan1-trainset50shuffle9:\n    train_fraction: 0.5\n    index: 9\n    split: 1\n    engine: pytorch\n"
    ),
    "numbers as text": within("index: 1", "index: '1'"),
    "an unknown key": lambda text: text + "mine: 3\n",
}
METADATA_WRONG: dict[str, Change] = {
    "an index of text": within("index: 1", "index: first"),
    "a split of text": within("split: 1", "split: first"),
    "a fraction of text": within("train_fraction: 0.5", "train_fraction: half"),
    "a fraction of nan": within("train_fraction: 0.5", "train_fraction: .nan"),
    "an endless index": within("index: 1", "index: .inf"),
    "an unknown engine": within("engine: pytorch", "engine: jax"),
    "shuffles as a list": lambda _: "shuffles:\n- a\n",
    "shuffles as text": lambda _: "shuffles: none\n",
    "a shuffle of text": lambda _: "shuffles:\n  campJan1-trainset50shuffle1: x\n",
    "no split": within("    split: 1\n", ""),
    "two shuffles of one index": lambda text: (
        text + "  other-trainset50shuffle1:\n    train_fraction: 0.5\n    index: 1\n    split: 2\n    engine: pytorch\n"
    ),
}
INFERENCE_SAME: dict[str, Change] = {
    "no bytes": lambda _: "",
    "an unknown key": lambda text: text + "mine: 3\n",
    "numbers as text": within("max_age: 1", "max_age: '1'"),
    "keys in another order": lambda text: "\n".join(reversed(text.splitlines())) + "\n",
    "numbers as fractions": within("topktoretain: 2", "topktoretain: 2.0"),
}
INFERENCE_WRONG: dict[str, Change] = {
    "an endless age": within("max_age: 1", "max_age: .inf"),
    "an age of text": within("max_age: 1", "max_age: old"),
    "an age of 10^30": within("max_age: 1", "max_age: 1000000000000000000000000000000"),
    "negative hits": within("min_hits: 1", "min_hits: -1"),
    "a threshold of nan": within("iou_threshold: 0.6", "iou_threshold: .nan"),
    "a threshold of text": within("iou_threshold: 0.6", "iou_threshold: most"),
    "a list of cutoffs": within("pcutoff: 0.1", "pcutoff: [0.1]"),
    "no animal to retain": within("topktoretain: 2", "topktoretain: 0"),
    "10^9 animals to retain": within("topktoretain: 2", "topktoretain: 1000000000"),
}


def same_tracks() -> Check:
    """Check that ``track`` gives the same tracks as the analysis."""

    def check(folder: Path, _: object) -> str | None:
        import json

        found = next((folder / "P" / "videos").glob("*_el.h5"))
        before = folder / "before.h5"
        same = np.array_equal(poses(found), poses(before), equal_nan=True)
        return None if same else f"other tracks: {json.dumps(str(found.name))}"

    return check


def with_copy(make: Callable[..., None]) -> Callable[..., None]:
    """Save a copy of the tracks for comparison."""

    def made(folder: Path, rng: np.random.Generator) -> None:
        import shutil

        shutil.copy(next((folder / "P" / "videos").glob("*_el.h5")), folder / "before.h5")
        make(folder, rng)

    return made


def same_split() -> Check:
    """Check that the second shuffle has the split of the first."""

    def check(folder: Path, _: object) -> str | None:
        import pickle

        splits = []
        for number in (1, 2):
            file = folder / "P" / DATASET / f"Documentation_data-camp_50shuffle{number}.pickle"
            splits.append([sorted(map(int, part)) for part in pickle.loads(file.read_bytes())[1:3]])
        if splits[0] != splits[1] or sorted([*splits[0][0], *splits[0][1]]) != list(range(len(LABELED))):
            return f"splits {splits}"
        return None

    return check


def config() -> Iterator[Case]:
    """Return the cases of config.yaml."""
    for name, change in {**SAME, **CONFIG_SAME}.items():
        yield Case(name, "config.yaml", EXPORT, edited("config.yaml", change), 1, names="config", check=exported())
    for name, change in BROKEN.items():
        yield Case(
            name,
            "config.yaml",
            EXPORT,
            edited("config.yaml", change),
            1,
            names="config",
            codes=REFUSED,
            check=exported(),
        )
    for name, values in CONFIG_WRONG.items():
        for value in values:
            yield Case(
                f"{name}: {value}",
                "config.yaml",
                EXPORT,
                edited("config.yaml", key(name, value)),
                1,
                names=f"{name}|{re.escape(value)}|label|video",
                codes=EITHER,
                check=None if name in ("bodyparts", "scorer") else exported(),
            )


def others() -> Iterator[Case]:
    """Return the cases of the files of a shuffle."""
    files = [
        ("pytorch_config.yaml", f"{TRAIN}/pytorch_config.yaml", ANALYZE, MODEL_SAME, MODEL_WRONG, same_poses(), "one"),
        ("metadata.yaml", f"{DATASET}/metadata.yaml", AGAIN, METADATA_SAME, METADATA_WRONG, same_split(), "one"),
        (
            "inference_cfg.yaml",
            f"{TRAIN}/../test/inference_cfg.yaml",
            TRACK,
            INFERENCE_SAME,
            INFERENCE_WRONG,
            same_tracks(),
            "two",
        ),
    ]
    for kind, file, calls, same, wrong, check, base in files:
        names = rf"{kind}|{calls[0][0]}|snapshot|shuffle"
        for name, change in {**SAME, **same}.items():
            make = with_copy(edited(file, change)) if base == "two" else edited(file, change)
            yield Case(name, kind, calls, make, 1, base, names=names, check=check, codes=EITHER)
        for name, change in {**BROKEN, **wrong}.items():
            make = with_copy(edited(file, change)) if base == "two" else edited(file, change)
            title = name if name not in same else f"{name}, as it is"
            yield Case(title, kind, calls, make, 1, base, names=names, check=check, codes=EITHER)
    for name in ("no bytes", "a list", "a word", "tabs in front of every line", "a Python object"):
        change = edited(f"{TRAIN}/../test/pose_cfg.yaml", BROKEN[name])
        yield Case(name, "pose_cfg.yaml", EVALUATE, change, 1, names="pose_cfg", codes=EITHER | RIGHT)


def cases() -> Iterator[Case]:
    """Return all cases of this module."""
    yield from config()
    yield from others()
