import pytest
import torch
from torch import nn

from dlcx.errors import DlcxError
from dlcx.nets.build import build_model
from dlcx.nets.configure import model_config
from dlcx.nets.cspnext.model import CSPNeXt, SyncNorm
from dlcx.nets.weights import check_source, load_initial
from dlcx.poses import Layout
from dlcx.settings import ModelConfig

TWO = Layout(("nose", "tail"))


def config(**backbone) -> ModelConfig:
    block = model_config("cspnext_s", TWO)
    block["model"]["backbone"].update(backbone)
    return ModelConfig.model_validate(block)


def test_depth_and_width():
    with torch.device("meta"):
        tiny = CSPNeXt(deepen_factor=0.1, widen_factor=0.125)
        features = tiny(torch.zeros(1, 3, 64, 96))
    assert (tiny.channels, tiny.stride) == (128, 32)
    assert features.shape == (1, 128, 2, 3)
    assert len(tiny.stage2[1].blocks) == 1


def test_batch_norm_equals_torchs_and_is_never_frozen():
    torch.manual_seed(0)
    norm, plain = SyncNorm(4), nn.BatchNorm2d(4)
    batch = torch.randn(2, 4, 3, 5)
    assert torch.equal(norm(batch), plain(batch))
    assert torch.equal(norm.running_var, plain.running_var)
    model = build_model(config(freeze_bn_stats=True, freeze_bn_weights=True)).train()
    norms = [layer for layer in model.modules() if isinstance(layer, SyncNorm)]
    assert len(norms) == 39
    assert all(layer.training and layer.weight.requires_grad for layer in norms)


def test_training_on_a_cpu_in_a_distributed_run(tmp_path):
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path / 'rendezvous'}", rank=0, world_size=1)
    try:
        norm = SyncNorm(4).train()
        norm(torch.randn(2, 4, 3, 5)).sum().backward()
    finally:
        torch.distributed.destroy_process_group()
    assert norm.running_mean.abs().sum() > 0
    assert norm.weight.grad is not None


@pytest.mark.parametrize("prefix", ["", "backbone."])
def test_weights_of_a_checkpoint(tmp_path, prefix):
    source, model = build_model(config()), build_model(config())
    path = tmp_path / "cspnext_s.pt"
    torch.save({"state_dict": {prefix + key: value for key, value in source.backbone.state_dict().items()}}, path)
    assert "backbone" in load_initial(model, config(), str(path))
    for key, value in model.backbone.state_dict().items():
        assert torch.equal(value, source.backbone.state_dict()[key])


def test_imagenet_weights_are_those_that_deeplabcut_publishes(tmp_path, monkeypatch):
    import huggingface_hub

    source, model = build_model(config()), build_model(config())
    path = tmp_path / "cached.pt"
    torch.save({"state_dict": source.backbone.state_dict()}, path)
    asked = []
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *where: asked.append(where) or str(path))
    assert load_initial(model, config(), "imagenet") == "first weights: backbone from ImageNet (cspnext_s)"
    assert asked == [("DeepLabCut/DeepLabCut-Backbones", "cspnext_s.pt")]
    assert torch.equal(model.backbone.stem[0].conv.weight, source.backbone.stem[0].conv.weight)


def test_imagenet_weights_that_cannot_be_fetched(monkeypatch):
    import huggingface_hub

    def refuse(*args, **kwargs):
        raise ConnectionError("no route to host")

    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", refuse)
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *where: None)
    with pytest.raises(DlcxError, match=r"cannot fetch cspnext_s.pt from huggingface.co/DeepLabCut/DeepLabCut-B"):
        check_source(config(), "imagenet")
