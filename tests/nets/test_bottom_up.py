import networkx
import pytest
import torch

from dlcx.errors import DlcxError
from dlcx.nets.build import build_model
from dlcx.nets.configure import model_config
from dlcx.nets.skeleton import skeleton
from dlcx.poses import Layout
from dlcx.settings import ModelConfig

PAIR = Layout(("nose", "tail"), ("a", "b"), multi=True)


def test_few_bodyparts_are_all_linked():
    assert skeleton(3) == [[0, 1], [0, 2], [1, 2]]
    assert len(skeleton(14)) == 91


@pytest.mark.parametrize("bodyparts", [15, 16, 40])
def test_of_many_pairs_a_connected_part_is_drawn(bodyparts):
    edges = skeleton(bodyparts)
    assert len(edges) == 3 * bodyparts
    assert edges == sorted(edges)
    assert all(first < second for first, second in edges)
    graph = networkx.Graph(edges)
    assert len(graph) == bodyparts
    assert graph.number_of_edges() == len(edges)
    assert networkx.is_connected(graph)
    assert skeleton(bodyparts) == edges
    assert skeleton(bodyparts, seed=1) != edges


def test_one_bodypart_cannot_be_linked():
    with pytest.raises(DlcxError, match="links between their bodyparts") as caught:
        model_config("resnet_50", Layout(("nose",), ("a", "b"), multi=True))
    assert "top_down_resnet_50" in caught.value.hint


def test_heads_that_a_project_asks_for():
    def heads(layout, identity=False):
        return list(model_config("resnet_50", layout, identity=identity)["model"]["heads"])

    both = Layout(PAIR.bodyparts, PAIR.individuals, ("lamp",), multi=True)
    assert heads(PAIR) == ["bodypart"]
    assert heads(both) == ["bodypart", "unique_bodypart"]
    assert heads(both, identity=True) == ["bodypart", "unique_bodypart", "identity"]
    assert heads(Layout(("nose",)), identity=True) == ["bodypart"]  # one animal needs no name


def test_dlcrnet_serves_a_single_animal_too():
    model = build_model(ModelConfig.model_validate(model_config("dlcrnet_ms5", Layout(("nose", "tail"))))).eval()
    with torch.inference_mode():
        (found,) = model.decode(model(torch.zeros(1, 3, 64, 64)))
    assert found.animals.xy.shape[1:] == (2, 2)
    assert len(found.animals) <= 1
