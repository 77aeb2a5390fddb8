"""Test snapshots: other layouts of the same weights must give the same poses; all others must be refused."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from campaign.case import EITHER, REFUSED, Case
from campaign.checks import same_poses
from campaign.small_projects import SNAPSHOT, TRAIN

ANALYZE = (("analyze-video", "P/videos/arena.avi", "-p", "P", "--out", "out"),)
Weights = dict[str, torch.Tensor]


def loaded(change: Callable[[dict[str, Any]], Any], **options: Any) -> Callable[..., None]:
    """Write a snapshot with changed content."""

    def make(folder: Path, rng: np.random.Generator) -> None:
        path = folder / "P" / SNAPSHOT
        content = torch.load(path, map_location="cpu", weights_only=False)
        torch.save(change(content), path, **options)

    return make


def model(change: Callable[[Weights], Any]) -> Callable[[dict[str, Any]], Any]:
    """Change the tensors."""
    return lambda content: {**content, "model": change(content["model"])}


def each(change: Callable[[torch.Tensor], Any]) -> Callable[[dict[str, Any]], Any]:
    """Change every floating-point tensor."""
    return model(
        lambda weights: {
            name: change(tensor) if tensor.is_floating_point() else tensor for name, tensor in weights.items()
        }
    )


def first(change: Callable[[torch.Tensor], Any]) -> Callable[[dict[str, Any]], Any]:
    """Change the first tensor."""

    def changed(weights: Weights) -> Weights:
        name = next(iter(weights))
        return {**weights, name: change(weights[name])}

    return model(changed)


def raw(change: Callable[[Path], object]) -> Callable[..., None]:
    """Change the bytes of the file."""
    return lambda folder, rng: change(folder / "P" / SNAPSHOT)


def _strided(tensor: torch.Tensor) -> torch.Tensor:
    return torch.stack([tensor, tensor], dim=-1)[..., 0]


SAME: dict[str, Callable[..., None]] = {
    "tensors in an OrderedDict": loaded(model(OrderedDict)),
    "tensors in reversed order": loaded(model(lambda weights: dict(reversed(weights.items())))),
    "tensors that are not contiguous": loaded(each(_strided)),
    "tensors in one storage": loaded(
        model(lambda weights: {name: tensor.clone().contiguous() for name, tensor in weights.items()})
    ),
    "parameters instead of tensors": loaded(each(lambda tensor: torch.nn.Parameter(tensor))),
    "float64": loaded(each(lambda tensor: tensor.double())),
    "torch's format before 1.6": loaded(lambda content: content, _use_new_zipfile_serialization=False),
    "pickle protocol 4": loaded(lambda content: content, pickle_protocol=4),
    "only the model": loaded(lambda content: {"model": content["model"]}),
    "an unknown key": loaded(lambda content: {**content, "mine": 3}),
    "an unknown key of text and lists": loaded(lambda content: {**content, "notes": ["a", {"b": (1, 2.5)}]}),
    "an epoch as text": loaded(lambda content: {**content, "epoch": "10"}),
    "numbers of numpy in the metrics": loaded(lambda content: {**content, "metadata": {"metrics": {"a": 1.5}}}),
    "names after module.": loaded(
        model(lambda weights: {f"module.{name}": tensor for name, tensor in weights.items()})
    ),
    "names after _orig_mod.": loaded(
        model(lambda weights: {f"_orig_mod.{name}": tensor for name, tensor in weights.items()})
    ),
    "the weights alone": loaded(lambda content: content["model"]),
    "a link to it": raw(lambda path: (path.rename(path.with_name("elsewhere.pt")), path.symlink_to("elsewhere.pt"))),
    "an extra tensor": loaded(model(lambda weights: {**weights, "extra.weight": torch.ones(3)})),
    "an optimizer's state": loaded(lambda content: {**content, "optimizer": {"state": {}, "param_groups": []}}),
}
BROKEN: dict[str, Callable[..., None]] = {
    "no bytes": raw(lambda path: path.write_bytes(b"")),
    "a text": raw(lambda path: path.write_text("weights")),
    "the first half": raw(lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])),
    "all but 100 bytes": raw(lambda path: path.write_bytes(path.read_bytes()[:-100])),
    "zeros in its middle": raw(
        lambda path: path.write_bytes(path.read_bytes()[:200_000] + bytes(5000) + path.read_bytes()[205_000:])
    ),
    "a folder": raw(lambda path: (path.unlink(), path.mkdir())),
    "a link to nothing": raw(lambda path: (path.unlink(), path.symlink_to("nowhere.pt"))),
    "a plain pickle": raw(lambda path: path.write_bytes(pickle.dumps({"model": {}, "epoch": 10}))),
    "an empty zip": raw(lambda path: path.write_bytes(b"PK\x05\x06" + bytes(18))),
    "None": loaded(lambda _: None),
    "a list": loaded(lambda content: list(content["model"].values())),
    "a tensor": loaded(lambda _: torch.ones(3)),
    "no model": loaded(lambda content: {"epoch": 10}),
    "an empty model": loaded(model(lambda _: {})),
    "a model of numbers": loaded(model(lambda _: 3)),
    "a model of lists": loaded(model(lambda weights: {name: tensor.tolist() for name, tensor in weights.items()})),
    "numbers as names": loaded(model(lambda weights: dict(enumerate(weights.values())))),
    "a tensor less": loaded(model(lambda weights: dict(list(weights.items())[1:]))),
    "the head missing": loaded(
        model(lambda weights: {name: tensor for name, tensor in weights.items() if "heads" not in name})
    ),
    "a tensor of another shape": loaded(first(lambda tensor: tensor[:1])),
    "a tensor of a dimension more": loaded(first(lambda tensor: tensor[None])),
    "a tensor without elements": loaded(first(lambda tensor: tensor[:0])),
    "a tensor of booleans": loaded(first(lambda tensor: tensor > 0)),
    "a tensor of numbers of 4 bits": loaded(first(lambda tensor: tensor.to(torch.uint8) % 16)),
    "a tensor with one nan": loaded(
        first(lambda tensor: tensor.flatten().index_fill(0, torch.tensor(0), torch.nan).reshape(tensor.shape))
    ),
    "a tensor with one infinity": loaded(
        first(lambda tensor: tensor.flatten().index_fill(0, torch.tensor(0), torch.inf).reshape(tensor.shape))
    ),
    "a text for a tensor": loaded(first(lambda _: "weights")),
    "None for a tensor": loaded(first(lambda _: None)),
    "a numpy array for a tensor": loaded(first(lambda tensor: tensor.numpy())),
    "a quantized tensor": loaded(first(lambda tensor: torch.quantize_per_tensor(tensor, 0.1, 0, torch.qint8))),
    "a nested tensor": loaded(first(lambda tensor: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]))),
    "a module": loaded(lambda _: {"model": torch.nn.Linear(2, 2)}),
    "a whole module": loaded(lambda _: torch.nn.Linear(2, 2)),
    "a TorchScript file": raw(lambda path: torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), str(path))),
    "an epoch of nan": loaded(lambda content: {**content, "epoch": float("nan")}),
    "an epoch of a list": loaded(lambda content: {**content, "epoch": [1]}),
    "a negative epoch": loaded(lambda content: {**content, "epoch": -3}),
}


def named(*names: str) -> Callable[..., None]:
    """Return cases of snapshots with other names."""

    def make(folder: Path, rng: np.random.Generator) -> None:
        path = folder / "P" / SNAPSHOT
        content = path.read_bytes()
        path.unlink()
        for name in names:
            (folder / "P" / TRAIN / name).write_bytes(content)

    return make


def cases() -> Iterator[Case]:
    """Return all cases of this module."""
    for title, make in SAME.items():
        yield Case(title, "snapshot", ANALYZE, make, 1, names="snapshot-010", check=same_poses())
    for title, make in BROKEN.items():
        codes = REFUSED if "epoch" not in title else EITHER
        yield Case(title, "snapshot", ANALYZE, make, 1, names="snapshot", codes=codes, check=same_poses())
    for call in (("evaluate", "-p", "P"), ("report", "-p", "P"), ("status", "-p", "P"), ("export-model", "-p", "P")):
        for title in ("no bytes", "a text", "None", "an empty model", "a folder"):
            codes = EITHER if call[0] in ("report", "status") else REFUSED
            yield Case(f"{title}, {call[0]}", "snapshot", (call,), BROKEN[title], 1, names="snapshot", codes=codes)
    for name in (
        "snapshot-best.pt",
        "snapshot-.pt",
        "snapshot-999999999999999999999.pt",
        "snapshot--1.pt",
        "snapshot-1e3.pt",
        "snapshot-10 (copy).pt",
        "SNAPSHOT-010.PT",
        "snapshot-010.pt.bak",
        "snapshot-０１０.pt",
    ):
        yield Case(f"called {name}", "snapshot", ANALYZE, named(name), 1, names="snapshot|trained|train")
