import pickle
import shutil

import pytest
import timm
import torch
from safetensors.torch import save_file

from dlcx.errors import DlcxError
from dlcx.nets.build import build_model
from dlcx.nets.configure import model_config
from dlcx.nets.weights import check_source, load_initial, load_strict
from dlcx.poses import Layout
from dlcx.settings import ModelConfig


def config(name: str = "timm/test_resnet", bodyparts=("nose", "tail")) -> ModelConfig:
    return ModelConfig.model_validate(model_config(name, Layout(bodyparts)))


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """A hub that cannot be reached and an empty cache."""
    import huggingface_hub
    from huggingface_hub import constants

    def refuse(*args, **kwargs):
        raise ConnectionError("no route to host")

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", refuse)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", refuse)


def published(name: str = "test_resnet") -> dict:
    """What a timm checkpoint holds: the whole network, classifier and all."""
    torch.manual_seed(7)
    return timm.create_model(name).state_dict()


def same(model, checkpoint) -> bool:
    own = model.backbone.model.state_dict()
    return all(torch.equal(value, checkpoint[key.replace("stages_", "stages.")]) for key, value in own.items())


@pytest.mark.parametrize("suffix", [".pth", ".safetensors", ".wrapped.pth"])
def test_timm_checkpoints(tmp_path, suffix):
    path, checkpoint = tmp_path / f"weights{suffix}", published()
    if suffix == ".safetensors":
        save_file(checkpoint, path)
    else:
        torch.save({"state_dict": checkpoint, "epoch": 3} if "wrapped" in suffix else checkpoint, path)
    model = build_model(config())
    assert not same(model, checkpoint)
    said = load_initial(model, config(), str(path))
    assert same(model, checkpoint)
    assert said == f"first weights: backbone from {path}, 2 unused tensors"  # the classifier


@pytest.mark.parametrize("name", ["test_vit", "test_convnext", "test_efficientnet"])
def test_wrapped_networks_keep_timms_names(tmp_path, name):
    """timm's feature wrappers rename layers; checkpoints do not."""
    torch.save(published(name), tmp_path / "weights.pth")
    model = build_model(config(f"timm/{name}"))
    before = {key: value.clone() for key, value in model.backbone.state_dict().items()}
    load_initial(model, config(f"timm/{name}"), str(tmp_path / "weights.pth"))
    after = model.backbone.state_dict()
    assert any(not torch.equal(after[key], value) for key, value in before.items())


def test_none_keeps_the_random_weights():
    model = build_model(config())
    before = {key: value.clone() for key, value in model.state_dict().items()}
    assert load_initial(model, config(), "none") == "first weights: random"
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_a_snapshot_fills_backbone_and_fitting_heads(tmp_path, caplog):
    torch.manual_seed(1)
    donor = build_model(config())
    torch.save({"model": donor.state_dict(), "metadata": {"epoch": 9}}, tmp_path / "snapshot-009.pt")
    model = build_model(config())
    said = load_initial(model, config(), str(tmp_path / "snapshot-009.pt"))
    assert all(torch.equal(value, donor.state_dict()[key]) for key, value in model.state_dict().items())
    assert said.startswith("first weights: backbone, head bodypart from")
    assert "the names of its keypoints are unknown; 'bodypart' takes them by position" in caplog.text
    three = config(bodyparts=("nose", "back", "tail"))
    said = load_initial(build_model(three), three, str(tmp_path / "snapshot-009.pt"))
    assert said.startswith("first weights: backbone from")
    assert "it has 2 keypoints without names, the project 3" in caplog.text


@pytest.mark.parametrize("prefix", ["", "backbone.model."])
def test_weights_of_another_network_are_refused(tmp_path, prefix):
    checkpoint = {f"{prefix}{key}": value for key, value in published("test_efficientnet").items()}
    torch.save(checkpoint, tmp_path / "weights.pth")
    with pytest.raises(DlcxError, match=r"tensors are missing, such as |there is no tensor"):
        load_initial(build_model(config()), config(), str(tmp_path / "weights.pth"))


def test_wrong_shapes_are_named(tmp_path):
    checkpoint = published()
    key = next(iter(checkpoint))
    checkpoint[key] = torch.zeros(5, 3, 3, 3)
    torch.save(checkpoint, tmp_path / "weights.pth")
    with pytest.raises(DlcxError, match=r"has shape \(5, 3, 3, 3\), expected"):
        load_initial(build_model(config()), config(), str(tmp_path / "weights.pth"))


class Evil:
    """Would run code when it is unpickled."""

    def __reduce__(self):
        return (print, ("code was run",))


def test_pickles_that_run_code_are_refused(tmp_path, capsys):
    with open(tmp_path / "weights.pth", "wb") as file:
        pickle.dump({"model": Evil()}, file)
    torch.save({"model": Evil()}, tmp_path / "zip.pth")
    for name in ("weights.pth", "zip.pth"):
        with pytest.raises(DlcxError, match="cannot be read as weights"):
            load_initial(build_model(config()), config(), str(tmp_path / name))
    assert capsys.readouterr().out == ""


def test_files_that_are_no_weights(tmp_path):
    (tmp_path / "text.safetensors").write_text("hello")
    torch.save([1, 2], tmp_path / "list.pth")
    for name, message in (("text.safetensors", "not a safetensors file"), ("list.pth", "expected tensors by name")):
        with pytest.raises(DlcxError, match=message):
            load_initial(build_model(config()), config(), str(tmp_path / name))


def test_a_missing_file_is_found_out_before_anything_is_built(tmp_path):
    with pytest.raises(DlcxError, match="no such file"):
        check_source(config(), str(tmp_path / "none.pth"))
    (tmp_path / "config.yaml").write_text("Task: a\n")
    with pytest.raises(DlcxError, match=r"config\.yaml: not a checkpoint"):
        check_source(config(), str(tmp_path / "config.yaml"))
    for old in (True, False):
        torch.save({"a": torch.zeros(1)}, tmp_path / "good.pth", _use_new_zipfile_serialization=not old)
        check_source(config(), str(tmp_path / "good.pth"))
    check_source(config(), "none")


@pytest.mark.parametrize("early", [True, False])
def test_imagenet_offline_names_the_way_out(offline, early):
    model = build_model(config())
    with pytest.raises(DlcxError, match=r"--weights imagenet: cannot fetch model\.safetensors") as caught:
        check_source(config(), "imagenet") if early else load_initial(model, config(), "imagenet")
    assert "--weights none" in caught.value.hint
    assert "huggingface.co/timm/test_resnet" in str(caught.value)


def test_imagenet_from_the_cache(monkeypatch, tmp_path, offline):
    import huggingface_hub

    checkpoint, path = published(), tmp_path / "model.safetensors"
    save_file(checkpoint, path)
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda repo, name: str(path))
    model = build_model(config())
    check_source(config(), "imagenet")
    assert load_initial(model, config(), "imagenet") == "first weights: backbone from ImageNet (test_resnet)"
    assert same(model, checkpoint)


def test_imagenet_is_downloaded_when_the_hub_answers(monkeypatch, tmp_path, offline, caplog):
    import huggingface_hub

    checkpoint, path = published(), tmp_path / "there.safetensors"
    save_file(checkpoint, path)
    asked = []

    class Metadata:
        size = 1_500_000

    def metadata(url, timeout):
        asked.append((url, timeout))
        return Metadata()

    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", metadata)
    monkeypatch.setattr(
        huggingface_hub, "hf_hub_download", lambda repo, name: shutil.copy(path, tmp_path / "model.safetensors")
    )
    model = build_model(config())
    load_initial(model, config(), "imagenet")
    assert same(model, checkpoint)
    assert asked[0][0].startswith("https://huggingface.co/timm/test_resnet")
    assert asked[0][1] <= 5
    assert "(2 MB)" in caplog.text


def test_a_network_without_published_weights(offline):
    block = model_config("timm/test_resnet", Layout(("nose",)))
    block["model"]["backbone"]["model_name"] = "resnet18_nobody_trained"
    with pytest.raises(DlcxError, match="no ImageNet weights are published"):
        check_source(ModelConfig.model_validate(block), "imagenet")


def test_a_snapshot_must_fit_exactly():
    model, state = build_model(config()), build_model(config(bodyparts=("a", "b", "c"))).state_dict()
    with pytest.raises(DlcxError, match=r"snapshot x has heads.bodypart.* \(and \d more") as caught:
        load_strict(model, state, "snapshot x")
    assert "another net" in caught.value.hint
    state = dict(model.state_dict())
    state.popitem()
    with pytest.raises(DlcxError, match="snapshot x lacks heads"):
        load_strict(model, state, "snapshot x")
    with pytest.raises(DlcxError, match="contains extra, which"):
        load_strict(model, {**model.state_dict(), "extra": torch.zeros(1)}, "snapshot x")
