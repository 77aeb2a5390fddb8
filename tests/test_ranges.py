"""Every number that a command or a settings file takes has a finite range, and nothing else gets through."""

from __future__ import annotations

import inspect
import math
from typing import Any, get_args, get_origin

import pytest
import typer

import dlcx
from dlcx import COMMANDS, DlcxError
from dlcx.cli.app import build, run
from dlcx.options.base import Item, items
from dlcx.options.commands import options_of
from dlcx.options.limits import Range
from dlcx.settings.base import Settings, check
from dlcx.settings.dlcx_config import DlcxConfig
from dlcx.settings.model import ModelConfig
from dlcx.settings.project import ProjectConfig

PROGRAM = typer.main.get_command(build())  # not the shared one: click keeps in it how it was called first
NUMERIC = {int, float}


def kinds(hint: Any) -> set[Any]:
    """The types that a hint is made of."""
    return {kind for part in get_args(hint) for kind in kinds(part)} or {hint}


def numeric_options() -> list[tuple[str, Item]]:
    """Each option of each command that takes numbers."""
    return [
        (command, item) for command in COMMANDS for item in items(options_of(command)) if NUMERIC & kinds(item.type)
    ]


def ranges(item: Item) -> tuple[Range, ...]:
    limits = item.description.limits
    return limits if isinstance(limits, tuple) else (limits,)


NUMBERS = numeric_options()
FLAGS = [
    (command.replace("_", "-"), item.flag, item.description.limits)
    for command, item in NUMBERS
    if item.value_type in NUMERIC
]
PARAMETERS = [(command, item.name, item.description.limits) for command, item in NUMBERS]


def outside(limits: Range) -> list[float]:
    """Numbers just beyond the ends, and far from them."""
    ends = [limits.low, limits.high] if limits.open else [limits.low - 1, limits.high + 1]
    return [*ends, 10**30, math.nan, math.inf]


def inside(limits: Range) -> list[float]:
    """Both ends, or numbers near them where they are left out."""
    return [limits.low + 1e-6, limits.high - 1e-6] if limits.open else [limits.low, limits.high]


def value_of(limits: Range, number: float) -> str:
    return str(int(number)) if limits.whole and math.isfinite(number) else repr(float(number))


def test_every_number_has_a_range():
    assert len(FLAGS) > 70
    assert {"--fps", "--linewidth", "--pcutoff", "--p-bound", "--sigma", "--ar", "--ma"} <= {
        flag for _, flag, _ in FLAGS
    }
    for command, item in NUMBERS:
        assert all(isinstance(limits, Range) for limits in ranges(item)), f"{command}: {item.name} has no range"


@pytest.mark.parametrize("command", sorted({command for command, _, _ in FLAGS}))
def test_flags_out_of_range_are_refused(command, tmp_path, monkeypatch, capsys):
    """Before anything else: there is no project here, and no argument names a file."""
    monkeypatch.chdir(tmp_path)
    arguments = {"swap-tracks": ["f", "a", "b", "--from", "1"], "evaluate-tracks": ["a.h5", "b.h5"], "demo": ["d"]}
    given = arguments.get(command, [] if command in WITHOUT_ARGUMENTS else ["x"])
    for flag, limits in [(flag, limits) for name, flag, limits in FLAGS if name == command]:
        for number in outside(limits):
            code = run([command, *given, flag, value_of(limits, number)])
            told = capsys.readouterr().err
            assert code in (2, 3), (flag, number, told)
            assert flag in told.splitlines()[0], (flag, number, told)
    assert not list(tmp_path.iterdir())


WITHOUT_ARGUMENTS = ("create-dataset", "train", "evaluate", "prune-skeleton", "merge-labels", "export-model", "report")


@pytest.mark.parametrize("command", sorted({command for command, _, _ in FLAGS}))
def test_flags_in_range_are_parsed(command):
    """Both ends, without running the command."""
    group = PROGRAM.commands[command]
    required = ["x"] * sum(param.param_type_name == "argument" and param.required for param in group.params)
    for flag, limits in [(flag, limits) for name, flag, limits in FLAGS if name == command]:
        for number in inside(limits):
            more = ["--from", "1"] if command == "swap-tracks" and flag != "--from" else []
            context = group.make_context(command, [*required, *more, flag, value_of(limits, number)])
            (name,) = [param.name for param in group.params if flag in param.opts]
            given = context.params[name]
            assert (given[0] if isinstance(given, list | tuple) else given) == pytest.approx(number)


@pytest.fixture(autouse=True)
def _errors_name_flags():
    """Let errors read as in Python."""


@pytest.mark.parametrize(("command", "name", "limits"), PARAMETERS)
def test_functions_refuse_numbers_out_of_range(command, name, limits, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    function = getattr(dlcx, command)
    required = {
        key: "x"
        for key, parameter in inspect.signature(function).parameters.items()
        if parameter.default is inspect.Parameter.empty and key != name
    }
    ranges = limits if isinstance(limits, tuple) else (limits,)
    good = [inside(limit)[-1] for limit in ranges]
    for place, limit in enumerate(ranges):
        for number in [*outside(limit), *([limit.low + 0.5] if limit.whole else [])]:
            values = (*good[:place], number, *good[place + 1 :])
            for value in [values] if isinstance(limits, tuple) else [number, *([[number]] if number == number else [])]:
                with pytest.raises(DlcxError, match=f"^{name} ") as told:
                    function(**required, **{name: value})
                assert told.value.exit_code == 3


@pytest.mark.parametrize(
    "call",
    [
        ["analyze-video", "x", "--dynamic-crop", "0.5,nan"],
        ["analyze-video", "x", "--dynamic-crop", "inf,10"],
        ["analyze-video", "x", "--dynamic-crop", "1.5,10"],
        ["analyze-video", "x", "--dynamic-crop", "0.5,-1"],
        ["analyze-video", "x", "--dynamic-crop", "0.5,1e300"],
        ["analyze-video", "x", "--crop", f"0,{'9' * 5000},0,9"],
        ["analyze-video", "x", "--crop", "0,nan,0,9"],
        ["analyze-video", "x", "--crop", "0,1000000000,0,9"],
        ["analyze-video", "x", "--frames", f"0:{'9' * 5000}"],
        ["analyze-video", "x", "--frames", "0:9999999999"],
        ["analyze-video", "x", "--frames", "nan:9"],
        ["analyze-video", "x", "--part", f"1/{'9' * 5000}"],
        ["analyze-video", "x", "--part", "1/1000000"],
        ["analyze-video", "x", "--part", "1/inf"],
        ["analyze-video", "x", "--batch-size", "9" * 5000],
        ["analyze-video", "x", "--batch-size", "1000000"],
        ["analyze-video", "x", "--batch-size", "nan"],
        ["extract-outliers", "x", "--algorithm", "list", "--frame-numbers", "9" * 5000],
        ["extract-outliers", "x", "--algorithm", "list", "--frame-numbers", "1,10000000000"],
        ["create-labeled-video", "x", "--frames", "0:9999999999"],
        ["evaluate-tracks", "a.h5", "b.h5", "--frames", "0:9999999999"],
        ["add-videos", "x", "--crop", "0,1000000000,0,9"],
    ],
    ids=lambda call: " ".join(call)[:60],
)
def test_numbers_inside_of_texts_have_ranges_too(call, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(call) in (2, 3)
    assert next(flag for flag in call if flag.startswith("--") and flag != "--algorithm") in capsys.readouterr().err


PROJECT = {"Task": "t", "scorer": "s", "date": "Nov1", "bodyparts": ["a", "b"]}
STEPS: dict[str, Any] = {
    "resize": {"height": 9, "width": 9},
    "hflip": {"p": 0.5},
    "affine": {"scaling": [0.5, 1.5], "rotation": 30, "translation": 40},
    "random_bbox_transform": {},
    "crop_sampling": {"height": 9, "width": 9, "max_shift": 0.4, "method": "hybrid"},
    "auto_padding": {"min_height": 9, "min_width": 9, "border_value": 0, "border_mask_value": [0, 0]},
    "top_down_crop": {"height": 9, "width": 9},
    "longest_max_size": 99,
    "gaussian_noise": 12.75,
    "collate": {"min_scale": 0.4},
}
NET: dict[str, Any] = {
    "net_type": "resnet_50",
    "method": "td",
    "metadata": {"bodyparts": ["a", "b"]},
    "model": {"backbone": {"type": "ResNet", "output_stride": 16}, "heads": {"bodypart": {"weights": [0.5]}}},
    "data": {"train": STEPS, "inference": STEPS, "gen_sampling": {"keypoint_sigmas": [0.1]}, "loader": {"n": 1}},
    "runner": {
        "gpus": [0],
        "optimizer": {"type": "Adam", "params": {"lr": 0.1}},
        "scheduler": {"type": "LRListScheduler", "params": {"milestones": [90], "lr_list": [[0.1]]}},
        "snapshots": {},
    },
    "train_settings": {"weight_init": {"conversion_array": [0]}},
    "inference": {"conditions": {"shuffle": 1, "trainset_index": 0, "snapshot_index": 1}, "eval": {"pcutoff": [0.6]}},
    "logger": {"n": 1},
}
NET["detector"] = {
    "model": {"type": "SSDLite", "box_score_thresh": 0.6},
    "data": {"train": STEPS, "inference": STEPS},
    "runner": {**NET["runner"], "type": "DetectorTrainingRunner"},
    "train_settings": NET["train_settings"],
}
FILES: dict[type[Settings], dict[str, Any]] = {ProjectConfig: PROJECT, ModelConfig: NET, DlcxConfig: {}}


def keys(kind: type[Settings], data: dict[str, Any], path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of each numeric key of a schema, into mappings that ``data`` holds."""
    found: list[tuple[Any, ...]] = []
    for name, field in kind.model_fields.items():
        types = kinds(field.annotation)
        inner = [one for one in types if isinstance(one, type) and issubclass(one, Settings)]
        value = data.get(name)
        if inner and (isinstance(value, dict) or value is None):
            found += keys(inner[0], value or {}, (*path, name))
        if NUMERIC & types and get_origin(field.annotation) is not dict:
            found.append((*path, name))
        if (isinstance(value, dict) and not inner) or (
            isinstance(value, list) and value and isinstance(value[0], int | float)
        ):
            found += leaves(value, (*path, name))
    return found


def leaves(value: Any, path: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """The paths of the numbers in free mappings and in lists."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [] if isinstance(value, str | dict | list) else [path]
    return found + [one for step, part in inner for one in leaves(part, (*path, step))]


def with_value(data: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy of the data with the value at the path."""
    if not path:
        return value
    step, *rest = path
    if isinstance(data, list):
        return [with_value(part, tuple(rest), value) if at == step else part for at, part in enumerate(data)]
    return {**(data or {}), step: with_value((data or {}).get(step), tuple(rest), value)}


KEYS = [(kind, path) for kind, data in FILES.items() for path in keys(kind, data)]


def test_all_numeric_keys_are_found():
    paths = {".".join(map(str, path)) for _, path in KEYS}
    assert len(paths) > 120
    assert {
        "pcutoff", "x1", "seed", "runner.optimizer.params.lr", "runner.gpus.0", "data.train.affine.scaling.1",
        "detector.model.box_score_thresh", "train_settings.epochs", "inference.conditions.shuffle",
        "data.gen_sampling.keypoint_sigmas.0", "runner.scheduler.params.lr_list.0.0",
    } <= paths  # fmt: skip


def test_the_examples_are_good():
    for kind, data in FILES.items():
        check(kind, data, "file")


@pytest.mark.parametrize(
    ("kind", "path"), KEYS, ids=lambda part: ".".join(map(str, part)) if isinstance(part, tuple) else part.__name__
)
def test_keys_refuse_numbers_that_are_none_or_huge(kind, path):
    for number in (math.nan, math.inf, -math.inf, 1e30, -1e30, 10**30, -(10**30)):
        with pytest.raises(DlcxError, match="file: ") as told:
            check(kind, with_value(FILES[kind], path, number), "file")
        assert str(next(step for step in path if isinstance(step, str))) in str(told.value)


@pytest.mark.parametrize(
    ("kind", "path", "numbers"),
    [
        (ProjectConfig, "pcutoff", [-0.1, 1.1]),
        (ProjectConfig, "TrainingFraction", [[-0.1], [1.1], [math.nan]]),
        (ProjectConfig, "batch_size", [0, -1, 10**6]),
        (ProjectConfig, "detector_batch_size", [0, 10**6]),
        (ProjectConfig, "dotsize", [-1, 10**6]),
        (ProjectConfig, "iteration", [-1]),
        (ProjectConfig, "numframes2pick", [-1]),
        (ProjectConfig, "start", [-0.1, 1.1]),
        (ModelConfig, "train_settings.batch_size", [0, -1, 10**6]),
        (ModelConfig, "train_settings.epochs", [-1]),
        (ModelConfig, "train_settings.seed", [-1, 2**32]),
        (ModelConfig, "train_settings.dataloader_workers", [-1, 10**5]),
        (ModelConfig, "runner.eval_interval", [0]),
        (ModelConfig, "runner.gpus", [[-1]]),
        (ModelConfig, "runner.snapshots.max_snapshots", [0]),
        (ModelConfig, "data.bbox_margin", [-1, 10**5]),
        (ModelConfig, "data.train.affine.rotation", [-1, 361]),
        (ModelConfig, "data.train.affine.translation", [-1]),
        (ModelConfig, "data.train.affine.p", [-0.1, 1.1]),
        (ModelConfig, "data.train.crop_sampling.width", [0, -1, 10**5]),
        (ModelConfig, "data.train.gaussian_noise", [-1, 256]),
        (ModelConfig, "data.train.auto_padding.pad_height_divisor", [0, -1]),
        (ModelConfig, "data.gen_sampling.keypoint_sigmas", [0, -1, [0.1, 0]]),
        (ModelConfig, "detector.model.box_score_thresh", [-0.1, 1.1]),
    ],
)
def test_keys_refuse_numbers_out_of_their_range(kind, path, numbers):
    for number in numbers:
        with pytest.raises(DlcxError, match=path.split(".")[-1]):
            check(kind, with_value(FILES[kind], tuple(path.split(".")), number), "file")


def test_crops_of_videos_are_finite():
    for crop in ("0, nan, 0, 9", "0, inf, 0, 9", "0, 1e300, 0, 9"):
        with pytest.raises(DlcxError, match="crop"):
            check(ProjectConfig, {**PROJECT, "video_sets": {"v.mp4": {"crop": crop}}}, "file")
