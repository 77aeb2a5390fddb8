"""Weights of nets for other keypoints."""

import pytest
import torch

from dlcx.errors import DlcxError
from dlcx.formats.shuffles.model_config import write_model_config
from dlcx.nets.build import build_model
from dlcx.nets.configure import model_config
from dlcx.nets.hub import Unreachable
from dlcx.nets.superanimal import SUPERANIMALS
from dlcx.nets.weights import check_source, load_initial
from dlcx.poses import Layout
from dlcx.settings import ModelConfig
from dlcx.settings.model import WeightInit

SOURCE = ("nose", "left ear", "right ear", "tail")
OWN = ("tail", "paw", "nose")


def config(name="timm/test_resnet", bodyparts=SOURCE, **layout) -> ModelConfig:
    return ModelConfig.model_validate(model_config(name, Layout(tuple(bodyparts), **layout)))


def saved(folder, made: ModelConfig, *, name="snapshot-005.pt", beside=True):
    """A snapshot of a net with random weights, in a folder like a shuffle's."""
    torch.manual_seed(5)
    net = build_model(made)
    for value in net.state_dict().values():
        if value.is_floating_point():
            value.normal_()
    folder.mkdir(exist_ok=True)
    torch.save({"model": net.state_dict(), "metadata": {"epoch": 5}}, folder / name)
    if beside:
        write_model_config(made, folder / "pytorch_config.yaml")
    return folder / name, net.state_dict()


def fill(made: ModelConfig, source, tables=None):
    torch.manual_seed(0)
    net = build_model(made)
    before = {key: value.clone() for key, value in net.state_dict().items()}
    said = load_initial(net, made, str(source), tables)
    return said, before, net.state_dict()


def last(state, head="bodypart"):
    """Weights of the score maps and offsets of each keypoint, keypoints first, and how many maps one has."""
    found = []
    for part, each in (("heatmap_head", 1), ("locref_head", 2)):
        prefix = f"heads.{head}.{part}."
        keys = [key for key in state if key.startswith(prefix) and key.endswith("weight")]
        weight = state[keys[-1]] if "final_conv" in keys[-1] else state[keys[-1]].transpose(0, 1)
        bias = state[keys[-1].replace("weight", "bias")]
        found += [weight.reshape(-1, each, *weight.shape[1:]), bias.reshape(-1, each)]
    return found


@pytest.mark.parametrize("name", ["timm/test_resnet", "top_down_timm/test_resnet"])
def test_keypoints_of_a_heatmap_head_move_by_name(name, tmp_path, caplog):
    caplog.set_level("INFO")
    path, source = saved(tmp_path, config(name))
    said, before, after = fill(config(name, OWN), path)
    assert said == f"first weights: backbone, head bodypart (2 of 3 keypoints; new: paw) from {path}"
    assert "bodypart: transferred keypoints: tail, nose; new: paw" in caplog.text
    for new, old, theirs in zip(last(after), last(before), last(source), strict=True):
        assert torch.equal(new[0], theirs[3])
        assert torch.equal(new[1], old[1])
        assert torch.equal(new[2], theirs[0])
    assert all(torch.equal(after[key], source[key]) for key in after if key.startswith("backbone."))


def test_keypoints_of_a_simcc_head_move_by_name(tmp_path):
    path, source = saved(tmp_path, config("rtmpose_s"))
    _, before, after = fill(config("rtmpose_s", OWN), path)
    for name in ("weight", "bias"):
        key = f"heads.bodypart.final_layer.{name}"
        assert torch.equal(after[key][[0, 2]], source[key][[3, 0]])
        assert torch.equal(after[key][1], before[key][1])
    shared = [key for key in after if "final_layer" not in key]
    assert len(shared) > 100
    assert all(torch.equal(after[key], source[key]) for key in shared)


def test_parts_and_edges_of_a_part_affinity_head_move_by_name(tmp_path):
    """Of the field between tail and nose nothing is left: the own edge points the other way."""
    multi = {"individuals": ("ann", "bob"), "multi": True}
    path, source = saved(tmp_path, config(**multi))
    made = config(bodyparts=("nose", "tail", "paw"), **multi)
    said, before, after = fill(made, path)
    assert "head bodypart (2 of 3 keypoints; new: paw)" in said
    graph = [tuple(edge) for edge in config(**multi).plain()["model"]["heads"]["bodypart"]["predictor"]["graph"]]
    own = [tuple(edge) for edge in made.plain()["model"]["heads"]["bodypart"]["predictor"]["graph"]]
    field, theirs = own.index((0, 1)), graph.index((0, 3))

    def both(name, *places):
        return [state[f"heads.bodypart.{name}"].transpose(0, 1)[place] for state, place in zip(*places, strict=True)]

    pairs = (after, source)
    assert torch.equal(*both("convt1.weight", pairs, ([0, 1], [0, 3])))
    assert torch.equal(*both("convt1.weight", (after, before), (2, 2)))
    assert torch.equal(*both("convt2.weight", pairs, ([0, 1, 2, 3], [0, 1, 6, 7])))
    edges = slice(2 * field, 2 * field + 2), slice(2 * theirs, 2 * theirs + 2)
    assert torch.equal(*both("convt3.weight", pairs, edges))
    assert torch.equal(*both("convt4.weight", pairs, (slice(None),) * 2))
    layer = "heads.bodypart.paf_ref_layers.0.weight"  # (2 edges, parts + 2 edges + 128, 3, 3)
    mine, other = after[layer][edges[0]], source[layer][edges[1]]
    assert torch.equal(mine[:, :2], other[:, [0, 3]])
    assert torch.equal(mine[:, 3:][:, edges[0]], other[:, 4:][:, edges[1]])
    assert torch.equal(mine[:, -128:], other[:, -128:])


@pytest.mark.parametrize("name", ["ctd_coam_w32", "ctd_prenet_rtmpose_s"])
def test_conditions_of_a_conditional_net_move_by_name(name, tmp_path):
    path, source = saved(tmp_path, config(name))
    said, _, after = fill(config(name, OWN), path)
    assert said.startswith("first weights: backbone, head bodypart (2 of 3 keypoints; new: paw)")
    if name == "ctd_prenet_rtmpose_s":
        key = "backbone.cond_preNet.0.weight"
        assert torch.equal(after[key][:, [0, 2]], source[key][:, [3, 0]])
        return
    layer = "backbone.coam_stages.1.att_layers.2."
    key = f"{layer}position_attention_module.cnn_cond.weight"
    assert torch.equal(after[key][[0, 2]][:, [0, 2]], source[key][[3, 0]][:, [3, 0]])
    for key in (f"{layer}position_attention_module.pa.fc_q.weight", f"{layer}channel_attention_module.cnn_cond.weight"):
        assert torch.equal(after[key][:, [0, 2]], source[key][:, [3, 0]])


@pytest.mark.parametrize(
    ("plain", "conditional", "inside"),
    [
        ("top_down_hrnet_w32", "ctd_coam_w32", "backbone."),
        ("rtmpose_s", "ctd_prenet_rtmpose_s", "backbone.backbone."),
    ],
)
def test_a_conditional_net_starts_from_a_plain_one(plain, conditional, inside, tmp_path, caplog):
    path, source = saved(tmp_path, config(plain))
    said, _, after = fill(config(conditional), path)
    assert said == f"first weights: backbone without conditions, head bodypart from {path}"
    assert "the backbone's layers for conditions keep random weights" in caplog.text
    layers = [key for key in source if key.startswith("backbone.")]
    assert len(layers) > 100
    assert all(torch.equal(after[inside + key.removeprefix("backbone.")], source[key]) for key in layers)


def test_imagenet_weights_go_to_the_network_in_a_conditional_net(tmp_path, monkeypatch):
    import huggingface_hub
    import timm
    from safetensors.torch import save_file

    state = timm.create_model("hrnet_w32").state_dict()
    save_file(state, tmp_path / "model.safetensors")
    monkeypatch.setattr(
        huggingface_hub, "try_to_load_from_cache", lambda repo, file: str(tmp_path / "model.safetensors")
    )
    said, _, after = fill(config("ctd_prenet_hrnet_w32"), "imagenet")
    assert said == "first weights: backbone from ImageNet (hrnet_w32)"
    assert torch.equal(after["backbone.backbone.model.conv1.weight"], state["conv1.weight"])


def test_keypoints_of_a_dekr_head_move_with_their_branches(tmp_path):
    path, source = saved(tmp_path, config("dekr_w18"))
    said, before, after = fill(config("dekr_w18", OWN), path)
    assert "head bodypart (2 of 3 keypoints; new: paw)" in said
    prefix = "heads.bodypart.heatmap_head.head_heatmap.1.weight"
    assert torch.equal(after[prefix][[0, 2, 3]], source[prefix][[3, 0, 4]])  # the last map is of centers
    assert torch.equal(after[prefix][1], before[prefix][1])
    shared = "heads.bodypart.offset_head.transition_offset.1.running_mean"
    assert torch.equal(after[shared][:15], source[shared][45:])
    branches = 0
    for key, value in after.items():
        for name in ("offset_feature_layers", "offset_final_layer"):
            start, found, rest = key.partition(f"{name}.")
            if found:
                number, rest = rest.split(".", 1)
                expected = (
                    before[key] if number == "1" else source[f"{start}{name}.{ {'0': 3, '2': 0}[number] }.{rest}"]
                )
                assert torch.equal(value, expected), key
                branches += 1
    assert branches == 3 * (2 * 11 + 2)


def test_a_snapshot_of_the_same_bodyparts_is_taken_whole(tmp_path, caplog):
    path, source = saved(tmp_path, config())
    said, _, after = fill(config(), path)
    assert said == f"first weights: backbone, head bodypart from {path}"
    assert all(torch.equal(value, source[key]) for key, value in after.items())
    assert not caplog.records


def test_the_same_bodyparts_in_another_order_change_places(tmp_path):
    path, source = saved(tmp_path, config())
    _, _, after = fill(config(bodyparts=SOURCE[::-1]), path)
    for new, theirs in zip(last(after), last(source), strict=True):
        assert torch.equal(new, theirs.flip(0))


def test_without_names_keypoints_are_taken_by_position_and_that_is_said(tmp_path, caplog):
    path, source = saved(tmp_path, config(), beside=False)
    _, _, after = fill(config(bodyparts=("a", "b", "c", "d")), path)
    assert all(torch.equal(value, source[key]) for key, value in after.items())
    assert "the names of its keypoints are unknown; 'bodypart' takes them by position" in caplog.text


def test_without_names_another_number_of_keypoints_starts_anew(tmp_path, caplog):
    path, _ = saved(tmp_path, config(), beside=False)
    said, before, after = fill(config(bodyparts=OWN), path)
    assert said == f"first weights: backbone from {path}"
    assert "the head bodypart keeps random weights: it has 4 keypoints without names, the project 3" in caplog.text
    assert all(torch.equal(value, before[key]) for key, value in after.items() if key.startswith("heads."))


def test_unique_bodyparts_move_too_and_strange_individuals_do_not(tmp_path, caplog):
    def net(unique, individuals):
        made = config(bodyparts=SOURCE).plain()
        made["metadata"] |= {"unique_bodyparts": list(unique), "individuals": list(individuals)}
        made["model"]["heads"]["unique_bodypart"] = heads("timm/test_resnet", len(unique))
        made["model"]["heads"]["identity"] = heads("timm/test_resnet", len(individuals))
        return ModelConfig.model_validate(made)

    def heads(name, count):
        return config(name, [f"p{i}" for i in range(count)]).plain()["model"]["heads"]["bodypart"]

    path, source = saved(tmp_path, net(("lamp", "door"), ("ann", "bob")))
    said, before, after = fill(net(("door",), ("ann", "bob")), path)
    assert "head unique_bodypart (1 of 1 keypoints), head identity from" in said
    for new, theirs in zip(last(after, "unique_bodypart"), last(source, "unique_bodypart"), strict=True):
        assert torch.equal(new[0], theirs[1])
    said, before, after = fill(net(("door",), ("ann", "cid")), path)
    assert "identity from" not in said
    assert "the head identity keeps random weights: its individuals are different" in caplog.text
    assert all(torch.equal(value, before[key]) for key, value in after.items() if "heads.identity" in key)


def test_another_head_on_the_same_backbone_starts_anew(tmp_path, caplog):
    path, source = saved(tmp_path, config())
    said, _, after = fill(config("top_down_timm/test_resnet"), path)
    assert said == f"first weights: backbone from {path}"
    assert "the head bodypart keeps random weights: " in caplog.text
    assert all(torch.equal(after[key], source[key]) for key in after if key.startswith("backbone."))


def test_an_exported_model_brings_its_own_names(tmp_path):
    made = config()
    _, source = saved(tmp_path, made, beside=False)
    torch.save({"config": made.plain(), "pose": source}, tmp_path / "exported.pt")
    said, _, _ = fill(config(bodyparts=OWN), tmp_path / "exported.pt")
    assert "head bodypart (2 of 3 keypoints; new: paw)" in said


# --- SuperAnimals ---

MOUSE = SUPERANIMALS["superanimal_topviewmouse"].bodyparts
NET = "top_down_hrnet_w32"


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A hub that has the one file of a SuperAnimal, made up; yields what was asked of it."""
    import huggingface_hub

    made = config(NET, MOUSE)
    path, source = saved(tmp_path / "cache", made, name="superanimal_topviewmouse_hrnet_w32.pt", beside=False)
    asked = []

    def download(repository, filename):
        asked.append(f"{repository}/{filename}")
        return str(path)

    class Metadata:
        size = 160_000_000

    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda repository, filename: None)
    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", lambda url, timeout: Metadata())
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    return asked, path, source


def test_a_superanimal_is_fetched_by_name_and_moved_by_the_conversion_table(hub, caplog):
    asked, path, source = hub
    caplog.set_level("INFO")
    table = {"superanimal_topviewmouse": {"snout": "nose", "rump": "tail_base"}}
    said, before, after = fill(config(NET, ("rump", "paw", "snout")), "superanimal_topviewmouse", table)
    assert asked == ["mwmathis/DeepLabCutModelZoo-SuperAnimal-TopViewMouse/superanimal_topviewmouse_hrnet_w32.pt"]
    assert said == ("first weights: backbone, head bodypart (2 of 3 keypoints; new: paw) from superanimal_topviewmouse")
    assert "transferred keypoints: rump from tail_base, snout from nose; new: paw" in caplog.text
    for new, old, theirs in zip(last(after), last(before), last(source), strict=True):
        assert torch.equal(new[0], theirs[MOUSE.index("tail_base")])
        assert torch.equal(new[1], old[1])
        assert torch.equal(new[2], theirs[MOUSE.index("nose")])
    # the same file, named by its path
    said, _, again = fill(config(NET, ("rump", "paw", "snout")), path, table)
    assert all(torch.equal(value, again[key]) for key, value in after.items())


def test_without_a_table_equal_names_are_taken(hub):
    _, _, source = hub
    said, _, after = fill(config(NET, ("neck", "paw")), "superanimal_topviewmouse")
    assert "(1 of 2 keypoints; new: paw)" in said
    assert torch.equal(last(after)[0][0], last(source)[0][MOUSE.index("neck")])


def test_a_wrong_superanimal_table_or_net_is_named(hub):
    with pytest.raises(DlcxError, match="superanimal_mouse: no such SuperAnimal") as caught:
        check_source(config(NET), "superanimal_mouse")
    assert "superanimal_" in caught.value.hint
    with pytest.raises(DlcxError, match="no weights are published for cspnext_s") as caught:
        check_source(config("top_down_cspnext_s"), "superanimal_topviewmouse")
    assert "hrnet_w32" in caught.value.hint
    table = {"superanimal_topviewmouse": {"snout": "nosee"}}
    with pytest.raises(DlcxError, match="has no bodypart 'nosee'") as caught:
        check_source(config(NET), "superanimal_topviewmouse", table)
    assert "'nose'" in caught.value.hint


def test_a_superanimal_offline_names_the_way_out(monkeypatch, hub):
    import huggingface_hub

    def refuse(*args, **kwargs):
        raise ConnectionError("no route to host")

    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", refuse)
    with pytest.raises(Unreachable, match="--weights superanimal_topviewmouse: cannot fetch") as caught:
        check_source(config(NET), "superanimal_topviewmouse")
    assert "--weights PATH" in caught.value.hint


def with_init(made: ModelConfig, **init) -> ModelConfig:
    settings = made.train_settings.model_copy(update={"weight_init": WeightInit(**init)})
    return made.model_copy(update={"train_settings": settings})


def test_weight_init_of_deeplabcut_is_honoured(hub):
    """The keys as DeepLabCut 3.0.2 writes them: own bodyparts that have a channel, and those channels."""
    _, path, source = hub
    made = with_init(
        config(NET, ("snout", "paw", "rump")),
        snapshot_path=str(path),
        dataset="superanimal_topviewmouse",
        with_decoder=True,
        conversion_array=[0, 13],
        bodyparts=["snout", "rump"],
    )
    said, before, after = fill(made, "weight_init")
    assert "head bodypart (2 of 3 keypoints; new: paw)" in said
    for new, old, theirs in zip(last(after), last(before), last(source), strict=True):
        assert torch.equal(new[0], theirs[0])
        assert torch.equal(new[1], old[1])
        assert torch.equal(new[2], theirs[13])


def test_weight_init_without_decoder_takes_the_backbone_and_finds_moved_files_on_the_hub(hub):
    asked, _, source = hub
    made = with_init(config(NET), snapshot_path="/gone/x.pt", dataset="superanimal_topviewmouse")
    _, before, after = fill(made, "weight_init")
    assert len(asked) == 1
    assert all(torch.equal(after[key], source[key]) for key in after if key.startswith("backbone."))
    assert all(torch.equal(after[key], before[key]) for key in after if key.startswith("heads."))


@pytest.mark.parametrize(
    ("init", "said"),
    [
        ({"snapshot_path": "/gone/x.pt", "dataset": "mine"}, "no such file: /gone/x.pt"),
        ({"snapshot_path": "/gone/x.pt", "memory_replay": True}, "memory replay is not supported"),
        ({}, "names no weights"),
    ],
)
def test_weight_init_that_cannot_be_had(init, said):
    with pytest.raises(DlcxError, match=said):
        check_source(with_init(config(NET), **init), "weight_init")


def test_weight_init_of_other_lengths_or_channels(hub, caplog):
    _, path, _ = hub
    one = {"snapshot_path": str(path), "with_decoder": True, "conversion_array": [0, 99]}
    with pytest.raises(DlcxError, match="3 bodyparts, but 2 numbers"):
        fill(with_init(config(NET, OWN), **one), "weight_init")
    said, _, _ = fill(with_init(config(NET, OWN[:2]), **one), "weight_init")
    assert "head" not in said
    assert "it has 27 keypoints, but channel 99 is requested" in caplog.text
