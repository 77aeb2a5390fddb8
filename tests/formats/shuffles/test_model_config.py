from __future__ import annotations

from pathlib import Path

import pytest

from dlcx.errors import DlcxError
from dlcx.formats.serialization.yaml_files import write_yaml
from dlcx.formats.shuffles.dlcx_config import read_dlcx_config, write_dlcx_config
from dlcx.formats.shuffles.model_config import read_model_config, with_overrides, write_model_config
from dlcx.settings import DlcxConfig, ModelConfig

CONFIGS = Path(__file__).parents[2] / "golden" / "configs"
FILES = sorted(CONFIGS.rglob("*.yaml"))


@pytest.fixture
def config() -> ModelConfig:
    return read_model_config(CONFIGS / "sa" / "resnet_50.yaml")


def test_the_golden_files_are_all_there():
    assert len(FILES) >= 80


@pytest.mark.parametrize("path", FILES, ids=[f"{path.parent.name}-{path.stem}" for path in FILES])
def test_every_file_that_deeplabcut_wrote_is_written_back_byte_for_byte(path, tmp_path):
    write_model_config(read_model_config(path), tmp_path / "again.yaml")
    assert (tmp_path / "again.yaml").read_bytes() == path.read_bytes()


def test_values_are_typed(config):
    assert config.data.train.affine.scaling == (0.5, 1.25)
    assert config.data.train.crop_sampling.width == 448
    assert config.data.train.top_down_crop is None
    assert config.model.heads["bodypart"]["criterion"]["locref"]["weight"] == 0.05
    assert config.runner.scheduler.params["lr_list"] == [[1e-4], [1e-5]]
    assert config.runner.optimizer.params == {"lr": 5e-4}


def test_older_spellings_are_read(config):
    data = config.plain()
    data["net_type"] = "dlcrnet_ms5"
    data["inference"]["conditions"] = "/some/file.h5"
    assert ModelConfig.model_validate(data).net_type == "dlcrnet_stride16_ms5"
    data["inference"]["conditions"] = {"shuffle": 1, "snapshot": "snapshot-best-010.pt"}
    assert ModelConfig.model_validate(data).plain()["inference"]["conditions"] == data["inference"]["conditions"]


def test_overrides_set_any_key_and_leave_the_rest(config):
    changed = with_overrides(
        config,
        [
            "data.train.crop_sampling.width=128",
            "runner.optimizer.params.lr=1e-5",
            "runner.scheduler.params.milestones.0=5",
            "model.heads.bodypart.heatmap_config.channels=[2048, 64, 4]",
            "data.train.resize.height=100",
            "data.train.resize.width=120",
            "data.train.hflip={p: 0.5, symmetries: [[1, 2]]}",
            "model.backbone.drop_path=0.1",
            "runner.scheduler=null",
        ],
    )
    assert changed.data.train.crop_sampling.width == 128
    assert changed.runner.optimizer.params["lr"] == 1e-5
    assert changed.runner.scheduler is None
    assert changed.data.train.resize.height == 100
    assert changed.data.train.resize.keep_ratio
    assert changed.data.train.hflip.symmetries == [(1, 2)]
    assert changed.model.heads["bodypart"]["heatmap_config"]["channels"] == [2048, 64, 4]
    assert changed.model.backbone["drop_path"] == 0.1
    assert config.data.train.crop_sampling.width == 448
    assert changed.train_settings == config.train_settings


@pytest.mark.parametrize(
    ("override", "message", "hint"),
    [
        ("data.train.afine.p=0.2", "--set data.train.afine.p: unknown key 'data.train.afine'", "'affine'"),
        ("train_settings.epoch=3", "unknown key 'train_settings.epoch'", "'epochs'"),
        ("epochs=3", "unknown key 'epochs'", ""),
        ("model.heads.body.weight_init=x", "unknown key 'model.heads.body'", "'bodypart'"),
        ("data.train.affine.p=x", "data.train.affine.p: should be a valid number", ""),
        ("data.train.affine.p=2", "data.train.affine.p: should be less than or equal to 1, got 2", ""),
        ("data.train.affine.scaling=[2, 1]", "0 < low <= high", ""),
        ("data.train.resize.height=100", "data.train.resize.width: required, but missing", ""),
        ("train_settings.batch_size=0", "train_settings.batch_size: should be greater", ""),
        ("method=TD", "method: should be 'bu', 'td' or 'ctd', got 'TD'", ""),
        ("runner.optimizer.type=null", "should be a valid string, got null", ""),
        ("runner.scheduler.params.milestones.7=5", "'7' is not an index in a list of 2", ""),
        ("net_type=hrnet_w32", "--set net_type=hrnet_w32: all other keys", "--net-type hrnet_w32"),
        ("net_type.x=3", "'net_type' holds a single value", ""),
        ("net_type", "expected KEY=VALUE", "train_settings.epochs=50"),
        ("=3", "expected KEY=VALUE", ""),
        ("train_settings=[", "not valid YAML", ""),
        ("model.heads={}", "at least one head", ""),
    ],
)
def test_a_wrong_override_names_flag_key_and_way_out(config, override, message, hint):
    with pytest.raises(DlcxError) as caught:
        with_overrides(config, [override])
    assert str(caught.value).startswith("--set ")
    assert message in str(caught.value)
    assert hint in caught.value.hint
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("prefix", ["../x", "a/b", "/tmp/x", "a\\b", "..", " ", "x\n", "\x1b[31m", "x-best"])
def test_a_prefix_of_snapshots_leads_nowhere_else(config, tmp_path, prefix):
    data = config.plain()
    data["runner"]["snapshot_prefix"] = prefix
    path = tmp_path / "pytorch_config.yaml"
    write_yaml(data, path)
    with pytest.raises(
        DlcxError, match=r"pytorch_config\.yaml: runner\.snapshot_prefix: (is used in file names|must not end)"
    ):
        read_model_config(path)
    assert with_overrides(config, ["runner.snapshot_prefix="]).runner.snapshot_prefix is None


def test_snapshots_of_net_and_detector_have_different_prefixes(config):
    with pytest.raises(DlcxError, match="is also the prefix of the detector"):
        with_overrides(config, ["runner.snapshot_prefix=snapshot-detector"])


def test_a_wrong_key_in_the_file_names_file_key_and_the_nearest(tmp_path):
    text = (CONFIGS / "sa" / "resnet_50.yaml").read_text()
    path = tmp_path / "pytorch_config.yaml"
    path.write_text(text.replace("  batch_size:", "  batch_siz:"))
    with pytest.raises(DlcxError) as caught:
        read_model_config(path)
    assert str(caught.value) == f"{path}: train_settings.batch_siz: unknown key"
    assert caught.value.hint == "Did you mean 'batch_size'?"


def test_several_wrong_keys_are_counted(tmp_path):
    text = (CONFIGS / "sa" / "resnet_50.yaml").read_text()
    path = tmp_path / "pytorch_config.yaml"
    path.write_text(text.replace("epochs: 200", "epochs: many").replace("seed: 42", "seed: none"))
    with pytest.raises(DlcxError, match=r"train_settings.epochs: .* got 'many' \(and 1 more\)"):
        read_model_config(path)


def test_a_missing_file_says_which_command_makes_it(tmp_path):
    with pytest.raises(DlcxError) as caught:
        read_model_config(tmp_path / "none.yaml")
    assert "create-dataset" in caught.value.hint


def test_own_config_round_trip_and_defaults(tmp_path):
    assert read_dlcx_config(tmp_path / "dlcx.yaml") == DlcxConfig()
    own = DlcxConfig(net_type="timm/x", weights="none", split="video", seed=3, overrides=["a.b=1"])
    write_dlcx_config(own, tmp_path / "dlcx.yaml")
    assert read_dlcx_config(tmp_path / "dlcx.yaml") == own
    (tmp_path / "dlcx.yaml").write_text("wights: none\n")
    with pytest.raises(DlcxError) as caught:
        read_dlcx_config(tmp_path / "dlcx.yaml")
    assert "'weights'" in caught.value.hint
