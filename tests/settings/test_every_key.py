"""Every key of the two files has an effect, or a message names it, or DeepLabCut ignores it too.

The keys are those of the schemas, so a new one fails here until it has a case.
"""

from __future__ import annotations

import copy
import functools
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import looks
import pytest
from model_keys import CASES, Case
from project_keys import CASES as PROJECT_CASES
from pydantic import BaseModel
from two_parts import LAYOUT

from dlcx.errors import DlcxError
from dlcx.formats.serialization.yaml_files import read_yaml, write_yaml
from dlcx.nets.configure import model_config
from dlcx.settings import ModelConfig, ProjectConfig
from dlcx.settings.base import _models, check

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"
NETS = {"bu": "timm/test_resnet", "td": "top_down_timm/test_resnet"}


def keys(kind: type[BaseModel], above: str = "") -> Iterator[str]:
    """The whole path of each key of a schema that holds no mapping with keys of its own."""
    for name, item in kind.model_fields.items():
        inner = _models(item.annotation)
        for one in inner:
            yield from keys(one, f"{above}{name}.")
        if not inner:
            yield above + name


def dead(file: str) -> set[str]:
    """The keys of a file that the page lists as ignored by DeepLabCut, too; a star stands for any key below."""
    section = PAGE.read_text(encoding="utf-8").partition(f"\n### {file}\n")[2].partition("\n### ")[0]
    return {
        key for row in re.findall(r"(?m)^\| (`[^|]+`) \| [^|]+ \|$", section) for key in re.findall("`([^`]+)`", row)
    }


def is_dead(key: str, listed: set[str]) -> bool:
    return any(re.fullmatch(re.escape(one).replace(r"\*", ".+"), key) for one in listed)


MODEL_KEYS, PROJECT_KEYS = list(keys(ModelConfig)), list(keys(ProjectConfig))


@pytest.mark.parametrize(
    ("file", "existing", "cases"),
    [("pytorch_config.yaml", MODEL_KEYS, CASES), ("config.yaml", PROJECT_KEYS, PROJECT_CASES)],
    ids=["pytorch_config.yaml", "config.yaml"],
)
def test_every_key_is_in_one_of_the_tables(file, existing, cases):
    listed = dead(file)
    assert [key for key in existing if key not in cases and not is_dead(key, listed)] == []
    assert [key for key in cases if key not in existing] == []
    assert [key for key in cases if is_dead(key, listed)] == []
    assert [one for one in listed if not any(is_dead(key, {one}) for key in existing)] == []


def changed(data: dict[str, Any], key: str, value: Any) -> None:
    """Set the value at a path, below mappings that are made where there is none."""
    *above, last = key.split(".")
    for step in above:
        if not isinstance(data.get(step), dict):
            data[step] = {}
        data = data[step]
    data[last] = value


@pytest.fixture(scope="session")
def stored(place, tmp_path_factory) -> dict[str, str]:
    """Files that keys name: shuffles 2 and 3 with snapshots, poses, and what stands for the words in capitals."""
    import torch

    from dlcx.formats.shuffles.model_config import write_model_config
    from dlcx.nets.build import build_model

    config = check(ModelConfig, model_config(NETS["bu"], LAYOUT), "here")
    for number in (2, 3):
        other = place.project.shuffle(number)
        write_model_config(config, other.model_config_path)
        for name in ("snapshot-003.pt", "snapshot-010.pt"):
            other.train_dir.joinpath(name).touch()
    for name in ("poses.h5", "others.h5"):
        place.project.root.joinpath(name).touch()
    snapshot = tmp_path_factory.mktemp("donor") / "snapshot-005.pt"
    torch.save({"model": dict(build_model(config).state_dict()), "metadata": {"epoch": 5}}, snapshot)
    return {"SNAPSHOT": str(snapshot), "CONFIG": str(place.project.shuffle(2).model_config_path)}


@pytest.fixture
def base(stored, monkeypatch):
    """The checked file of a case, without and with its value."""
    monkeypatch.setattr("dlcx.nets.weights._superanimal", lambda *_, **__: Path(stored["SNAPSHOT"]))
    monkeypatch.setattr("dlcx.nets.build.build_detector", lambda *_, **__: _detector())

    def make(key: str, case: Case, *, value: bool) -> ModelConfig:
        data = model_config(NETS["td" if case.net == "ctd" else case.net], LAYOUT)
        if case.net == "ctd":  # a network for crops whose method is all that these keys need
            data = {**data, "method": "ctd", "detector": None}
        for name, given in case.base.items():
            inner = {k: stored.get(v, v) for k, v in given.items()} if name.endswith(_STORED) else copy.deepcopy(given)
            changed(data, name, inner)
        if value:
            changed(data, key, case.value)
        return check(ModelConfig, data, "pytorch_config.yaml")

    return make


@functools.cache
def _detector() -> Any:
    """A detector for the looks that are at something else, for its layers take long to make."""
    return looks.build_detector(check(ModelConfig, model_config(NETS["td"], LAYOUT), "here").detector)


#: Keys whose values may be words in capitals.
_STORED = ("conditions", "weight_init")


def outcome(look: Callable[[], Any], caplog: pytest.LogCaptureFixture) -> tuple[Any, str]:
    """What a look sees, and what is said meanwhile."""
    caplog.clear()
    try:
        return look(), caplog.text
    except DlcxError as error:
        return "refused", f"{error} {error.hint}"


def is_named(key: str, said: str) -> bool:
    """Whether a message says the key, or the block that it belongs to, by more than a word that others share."""
    names, said = key.split("."), said.replace("--", "").replace("-", "_")
    shared = {"data", "train", "inference", "runner", "train_settings", "weight_init", "conditions", "model"}
    ends = [end for end in (len(names), len(names) - 1) if end and names[end - 1] not in shared]
    paths = [".".join(names[start:end]) for end in ends for start in range(end - 1)]
    word = names[-1] if len(names[-1]) > 3 else key
    return any(path in said for path in paths) or re.search(rf"\b{word}\b", said) is not None


#: What a look sees in the file of a case without its value, which many cases share.
_BEFORE: dict[tuple[Any, ...], Any] = {}


@pytest.mark.parametrize("key", [key for key in MODEL_KEYS if key in CASES])
def test_a_key_of_pytorch_config_counts(key, base, place, caplog):
    case = CASES[key]
    alike = case.look, case.net, repr(case.base)
    if alike not in _BEFORE:
        _BEFORE[alike], _ = outcome(lambda: case.look(place, base(key, case, value=False)), caplog)
    before = _BEFORE[alike]
    after, said = outcome(lambda: case.look(place, base(key, case, value=True)), caplog)
    assert (after != before and after != "refused") or is_named(key, said), (before, after, said)


@pytest.mark.parametrize("key", PROJECT_CASES)
def test_a_key_of_config_counts(key, place, tmp_path, caplog):
    case = PROJECT_CASES[key]

    def look(name: str, **settings: Any) -> tuple[Any, str]:
        root = tmp_path / name / place.project.root.name
        shutil.copytree(place.project.root, root)
        data = read_yaml(root / "config.yaml") | dict(case.base) | settings
        if (crop := settings.get("video_sets.crop")) is not None:
            del data["video_sets.crop"]
            data["video_sets"] = {video: {"crop": crop} for video in data["video_sets"]}
        write_yaml(data, root / "config.yaml", header="")
        return outcome(lambda: case.look(root), caplog)

    before, _ = look("before")
    after, said = look("after", **{key: case.value})
    assert (after != before and after != "refused") or is_named(key, said), (before, after, said)
