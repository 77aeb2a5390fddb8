"""How a shuffle's pytorch_config.yaml has its network run, unless a flag says otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlcx.analysis.network_loading import configured_precision
from dlcx.analysis.trained_network import TrainedNetwork
from dlcx.errors import DlcxError
from dlcx.formats.project_config import open_project
from dlcx.formats.shuffles.model_config import read_model_config, with_overrides, write_model_config
from dlcx.project import Shuffle


@pytest.fixture
def place(trained_project: Path) -> Shuffle:
    return open_project(trained_project).shuffle(1)


def configure(place: Shuffle, *overrides: str) -> None:
    config = read_model_config(place.model_config_path)
    write_model_config(with_overrides(config, overrides), place.model_config_path)


def chosen(place: Shuffle, precision: str | None = None, engine: str | None = None) -> tuple[str, str]:
    net = TrainedNetwork.find(place, device="cpu", precision=precision, engine=engine)
    return net.precision, net.engine


def test_the_config_chooses_and_flags_override_it(place):
    assert chosen(place) == ("fp32", "torch")
    configure(place, "inference.autocast.enabled=true", "inference.compile.enabled=true")
    assert chosen(place) == ("bf16", "compile")
    assert chosen(place, "fp32", "torch") == ("fp32", "torch")


def test_mixed_precision_is_that_of_the_device(place):
    configure(place, "inference.autocast.enabled=true")
    config = read_model_config(place.model_config_path)
    assert [configured_precision(config, device) for device in ("cpu", "cuda:1", "mps")] == ["bf16", "fp16", "fp16"]


def test_mixed_precision_changes_the_numbers(place, monkeypatch):
    import numpy as np

    image = np.random.default_rng(0).integers(0, 255, (1, 64, 64, 3), np.uint8)
    exact = TrainedNetwork.find(place, device="cpu").predictor.predict(image)[0].animals.xy
    configure(place, "inference.autocast.enabled=true")
    mixed = TrainedNetwork.find(place, device="cpu").predictor.predict(image)[0].animals.xy
    same = TrainedNetwork.find(place, device="cpu", precision="fp32").predictor.predict(image)[0].animals.xy
    np.testing.assert_array_equal(same, exact)
    assert not np.array_equal(mixed, exact)


def test_what_has_no_effect_is_named(place, caplog):
    configure(place, "inference.multithreading.enabled=false", "inference.compile.backend=eager")
    _ = TrainedNetwork.find(place, device="cpu").predictor
    assert "inference.multithreading.enabled: False has no effect" in caplog.text
    assert "inference.compile.backend: eager has no effect: dlcx compiles with inductor" in caplog.text


def test_a_newer_version_of_the_format_is_refused(place):
    text = place.model_config_path.read_text()
    place.model_config_path.write_text(text.replace("config_version: 0", "config_version: 1"))
    with pytest.raises(DlcxError, match=r"pytorch_config\.yaml: config_version: dlcx reads version 0 .*, got 1"):
        TrainedNetwork.find(place, device="cpu")
    config = place.project.config_path
    config.write_text(config.read_text().replace("config_version: 0", "config_version: 2"))
    with pytest.raises(DlcxError, match=r"config\.yaml: config_version: dlcx reads version 0 .*, got 2"):
        open_project(place.project.root)
