"""Weights that no net can use are refused, and the file and the parameter named, wherever a file of weights is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from dlcx.errors import DlcxError
from dlcx.formats.weights.live_model import read_live_model
from dlcx.formats.weights.snapshot import read_snapshot
from dlcx.formats.weights.tensor_checks import check_moments, check_values
from dlcx.nets.build import build_detector, build_model
from dlcx.nets.configure import detector_config, model_config
from dlcx.nets.detectors.weights import load_initial_detector
from dlcx.nets.registry import NetContext
from dlcx.nets.weights import load_initial, load_strict
from dlcx.poses import Layout
from dlcx.settings import DetectorConfig, ModelConfig

LAYOUT = Layout(("nose", "tail"))
NET = ModelConfig.model_validate(model_config("timm/test_resnet", LAYOUT))
DETECTOR = DetectorConfig.model_validate(detector_config("ssdlite", NetContext(LAYOUT)))


def one_bad(value: float) -> Callable[[Tensor], Tensor]:
    def damaged(weights: Tensor) -> Tensor:
        weights = weights.clone()
        weights.view(-1)[1] = value
        return weights

    return damaged


#: What is done to a parameter, and what the message says of it.
DAMAGE: dict[str, tuple[Callable[[Tensor], Tensor], str]] = {
    "nan": (one_bad(float("nan")), r"holds 1 of \d+ values that are not finite"),
    "inf": (one_bad(float("inf")), r"holds 1 of \d+ values that are not finite"),
    "too large": (lambda weights: one_bad(1e300)(weights.double()), r"holds 1 of \d+ values that are not finite"),
    "int8": (lambda weights: weights.to(torch.int8), "holds int8, the network float32"),
    "bool": (lambda weights: weights > 0, "holds bool, the network float32"),
    "complex": (lambda weights: weights.to(torch.complex64), "is a complex tensor"),
    "sparse": (lambda weights: weights.to_sparse(), "is a sparse tensor"),
    "meta": (lambda weights: weights.to("meta"), "is a tensor without values"),
    "quantized": (lambda weights: torch.quantize_per_tensor(weights, 0.1, 0, torch.qint8), "is a quantized tensor"),
}
FIRST = "backbone.model.conv1.0.weight"


def damaged_state(model: nn.Module, name: str, damage: str) -> dict[str, Tensor]:
    state = dict(model.state_dict())
    state[name] = DAMAGE[damage][0](state[name])
    return state


@pytest.fixture(scope="module")
def model() -> nn.Module:
    return build_model(NET)


@pytest.fixture(scope="module")
def detector() -> nn.Module:
    return build_detector(DETECTOR)


@pytest.mark.filterwarnings("ignore::UserWarning")  # of torch, about quantized tensors
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_weights_are_refused(tmp_path: Path, model: nn.Module, damage: str) -> None:
    """As a snapshot, as first weights that are moved, and as first weights of the backbone alone."""
    path, says = tmp_path / "snapshot-005.pt", DAMAGE[damage][1]
    torch.save({"metadata": {}, "model": damaged_state(model, FIRST, damage)}, path)
    said = rf"snapshot-005\.pt: backbone\.model\.conv1\.0\.weight {says}"
    with pytest.raises(DlcxError, match=said) as caught:
        load_strict(build_model(NET), read_snapshot(path).model, f"snapshot {path}")
    assert caught.value.hint
    with pytest.raises(
        DlcxError, match=rf"--weights .*{path.name}: (backbone\.model\.)?(model\.)?conv1\.0\.weight {says}"
    ):
        load_initial(build_model(NET), NET, str(path))
    prefix = "backbone.model."
    backbone = {name: value for name, value in damaged_state(model, FIRST, damage).items() if name.startswith(prefix)}
    torch.save({name.removeprefix(prefix): value for name, value in backbone.items()}, path)
    with pytest.raises(DlcxError, match=rf"--weights .*{path.name}: conv1\.0\.weight {says}"):
        load_initial(build_model(NET), NET, str(path))


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_weights_of_detectors_are_refused(tmp_path: Path, detector: nn.Module, damage: str) -> None:
    """As a snapshot, and as a checkpoint of torchvision."""
    path, says = tmp_path / "detector.pt", DAMAGE[damage][1]
    name = next(name for name, value in detector.state_dict().items() if value.dim() == 4)
    state = damaged_state(detector, name, damage)
    for prefix in ("", "model."):
        torch.save({key.removeprefix(prefix): value for key, value in state.items()}, path)
        with pytest.raises(DlcxError, match=rf"detector\.pt: (model\.)?{name.removeprefix('model.')} {says}"):
            load_initial_detector(detector, DETECTOR, str(path))


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("part", ["pose", "detector"])
@pytest.mark.parametrize("damage", ["complex", "sparse", "meta", "quantized"])
def test_exported_nets_hold_plain_tensors(tmp_path: Path, part: str, damage: str) -> None:
    path = tmp_path / "net.pt"
    content = {"config": {}, "pose": {"a": torch.ones(3)}, "detector": {"a": torch.ones(3)}}
    content[part] = {"a": torch.ones(3), "b": DAMAGE[damage][0](torch.ones(3))}
    torch.save(content, path)
    with pytest.raises(DlcxError, match=rf"net\.pt: b {DAMAGE[damage][1]}"):
        read_live_model(path)


def test_what_is_no_tensor_is_named(tmp_path: Path) -> None:
    path = tmp_path / "snapshot-001.pt"
    for content, says in (({"a": 5}, "'a' is an int"), ({5: torch.ones(1)}, "5 is a Tensor")):
        torch.save({"metadata": {}, "model": content}, path)
        with pytest.raises(DlcxError, match=f"expected tensors by name, {says}"):
            read_snapshot(path)


@pytest.mark.parametrize("kind", [torch.float64, torch.float16, torch.bfloat16])
def test_numbers_of_any_width_are_taken(model: nn.Module, kind: torch.dtype) -> None:
    wide = {name: value.to(kind) if value.is_floating_point() else value for name, value in model.state_dict().items()}
    other = build_model(NET)
    load_strict(other, wide, "snapshot")
    for name, value in other.state_dict().items():
        assert value.dtype == model.state_dict()[name].dtype
        assert torch.equal(value, wide[name].to(value.dtype))


def test_shapes_are_named_before_values(model: nn.Module) -> None:
    state = dict(model.state_dict())
    state[FIRST] = torch.full((1, 1), float("nan")).expand(10**6, 10**6)  # 4 bytes in the file
    with pytest.raises(DlcxError, match=r"of shape \(1000000, 1000000\)"):
        load_strict(build_model(NET), state, "snapshot x")


def test_infinity_stays_where_the_net_itself_has_it() -> None:
    mask = {"mask": torch.tensor([0.0, -torch.inf])}
    check_values(mask, mask, "file")
    with pytest.raises(DlcxError, match="mask holds 1 of 2 values"):
        check_values(mask, {"mask": torch.zeros(2)}, "file")


@pytest.mark.parametrize("kind", ["SGD", "Adam", "AdamW", "NAdam", "RAdam", "RMSprop", "Adagrad", "Rprop", "Adafactor"])
def test_states_of_optimizers(kind: str) -> None:
    layer = nn.Linear(3, 2)
    optimizer = getattr(torch.optim, kind)(layer.parameters(), **({"momentum": 0.9} if kind == "SGD" else {}))
    layer(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    named = list(layer.named_parameters())
    state = optimizer.state_dict()
    check_moments(state, named, "file")
    key = next(key for key, value in state["state"][0].items() if isinstance(value, Tensor) and value.dim())
    whole = state["state"][0][key]
    for value, says in (
        (one_bad(float("nan"))(whole), "holds values that are not finite"),
        (whole.to_sparse(), "is a sparse tensor"),
        (whole.to(torch.complex64), "is a complex tensor"),
    ):
        state["state"][0][key] = value
        with pytest.raises(DlcxError, match=f"file: the optimizer's {key} of weight {says}"):
            check_moments(state, named, "file")
    state["state"][0][key] = torch.zeros(5, 5)
    if kind != "Adafactor":  # its rows and columns have shapes of their own
        with pytest.raises(DlcxError, match=rf"{key} of weight has shape \(5, 5\), expected \(2, 3\)"):
            check_moments(state, named, "file")
    with pytest.raises(DlcxError, match="has a parameter 7"):
        check_moments({"state": {7: {}}}, named, "file")
