from dlcx.nets.configure import BASE, METHODS, merge, model_config
from dlcx.poses import Layout

ONE = Layout(("nose", "tail"))


def test_mappings_merge_and_lists_replace():
    below = {"a": {"x": 1, "y": [1, 2]}, "b": 1}
    above = {"a": {"y": [3]}, "c": None}
    assert merge(below, above) == {"a": {"x": 1, "y": [3]}, "b": 1, "c": None}
    assert below == {"a": {"x": 1, "y": [1, 2]}, "b": 1}


def test_an_optimizer_of_another_type_replaces_the_block():
    below = {"optimizer": {"type": "AdamW", "params": {"lr": 1, "decay": 2}}}
    same = merge(below, {"optimizer": {"type": "AdamW", "params": {"lr": 3}}})
    other = merge(below, {"optimizer": {"type": "SGD", "params": {"lr": 3}}})
    assert same["optimizer"]["params"] == {"lr": 3, "decay": 2}
    assert other["optimizer"] == {"type": "SGD", "params": {"lr": 3}}


def test_configurations_share_nothing():
    first = model_config("resnet_50", ONE)
    first["data"]["train"]["affine"]["p"] = 9
    first["runner"]["optimizer"]["params"]["lr"] = 9
    assert model_config("resnet_50", ONE)["data"]["train"]["affine"]["p"] == 0.5
    assert BASE["runner"]["optimizer"]["params"]["lr"] == 1e-4
    assert METHODS["bu"].data["train"]["affine"]["scaling"] == [0.5, 1.25]
    assert METHODS["td"].data["train"]["affine"]["scaling"] == [1.0, 1.0]


def test_names_of_the_project_are_in_it():
    config = model_config("resnet_50", ONE, project_path="/p", pose_config_path="/p/c.yaml")
    assert config["metadata"] == {
        "project_path": "/p",
        "pose_config_path": "/p/c.yaml",
        "bodyparts": ["nose", "tail"],
        "unique_bodyparts": [],
        "individuals": ["individual_1"],
        "with_identity": False,
    }
    assert config["model"]["heads"]["bodypart"]["heatmap_config"]["channels"] == [2048, 2]
