"""Settings that ask dlcx for nothing are named, with their key, where they are met; those that do are quiet."""

from __future__ import annotations

import pytest

from dlcx.nets.configure import model_config
from dlcx.poses import Layout
from dlcx.settings import ModelConfig
from dlcx.settings.base import check, fields_at
from dlcx.settings.ignored_keys import IN_DATASETS, IN_PREDICTIONS, IN_TRAINING, WITH_DETECTORS, warn_ignored_keys
from dlcx.settings.project import ProjectConfig


@pytest.fixture
def plain():
    return check(ModelConfig, model_config("top_down_resnet_50", Layout(("nose",))), "here").plain()


def test_a_config_as_it_is_made_is_quiet(plain, caplog, tmp_path):
    warn_ignored_keys(ModelConfig(**plain), tmp_path, (*IN_TRAINING, *IN_PREDICTIONS))
    assert not caplog.records


def test_a_value_is_named_with_its_key_and_dlcx_way(plain, caplog, tmp_path):
    plain["detector"]["train_settings"]["display_iters"] = 7
    plain["inference"]["multithreading"]["queue_length"] = 9
    warn_ignored_keys(ModelConfig(**plain), tmp_path / "pytorch_config.yaml", (*IN_TRAINING, *IN_PREDICTIONS))
    first, second = (record.getMessage() for record in caplog.records)
    assert first.startswith(f"{tmp_path}/pytorch_config.yaml: detector.train_settings.display_iters: 7 has no effect: ")
    assert "--progress" in first
    assert "inference.multithreading.queue_length: 9 has no effect" in second
    assert "--batch-size" in second


@pytest.mark.parametrize("one", [*IN_TRAINING, *IN_PREDICTIONS], ids=lambda one: one.key)
def test_keys_are_those_of_pytorch_config(one):
    *above, last = one.key.split(".")
    assert last in fields_at(ModelConfig, above)


@pytest.mark.parametrize("one", [*IN_DATASETS, *WITH_DETECTORS], ids=lambda one: one.key)
def test_keys_are_those_of_config(one):
    assert one.key in ProjectConfig.model_fields
