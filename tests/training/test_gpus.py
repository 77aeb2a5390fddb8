"""runner.gpus of pytorch_config.yaml: one number chooses the GPU, several name dlcx's way."""

from __future__ import annotations

import pytest
import torch

from dlcx.nets.configure import model_config
from dlcx.poses import Layout
from dlcx.settings import ModelConfig
from dlcx.training.gpus import choose_gpu


@pytest.fixture
def two_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


def config(gpus: list[int] | None) -> ModelConfig:
    plain = model_config("resnet_50", Layout(("nose",)))
    plain["runner"]["gpus"] = gpus
    return ModelConfig(**plain)


def test_one_number_chooses_the_gpu(two_gpus):
    assert choose_gpu("auto", config([1]), single_process=True) == "cuda:1"
    assert choose_gpu("cuda", config([1]), single_process=True) == "cuda:1"
    assert choose_gpu("auto", config(None), single_process=True) == "auto"


def test_a_flag_overrides_it(two_gpus, caplog):
    assert choose_gpu("cuda:0", config([1]), single_process=True) == "cuda:0"
    assert choose_gpu("cpu", config([1]), single_process=True) == "cpu"
    assert [record.getMessage() for record in caplog.records] == [
        "runner.gpus: [1] has no effect: the device is cuda:0",
        "runner.gpus: [1] has no effect: the device is cpu",
    ]


def test_several_gpus_are_several_devices(two_gpus, caplog):
    assert choose_gpu("auto", config([0, 1]), single_process=False) == "auto"
    assert not caplog.records
    assert choose_gpu("auto", config([0, 1]), single_process=True) == "auto"
    assert "CUDA_VISIBLE_DEVICES=0,1 and --devices 2" in caplog.text
