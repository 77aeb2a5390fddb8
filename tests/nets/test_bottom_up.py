import networkx
import pytest
import torch

from dlcx.errors import DlcxError
from dlcx.heads.batch_labels import BatchLabels
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
    with pytest.raises(DlcxError, match="links bodyparts to tell animals apart") as caught:
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


def test_all_heads_learn_several_animals_together():
    layout = Layout(("a", "b", "c"), ("ann", "bob"), ("lamp",), multi=True)
    torch.manual_seed(0)
    made = model_config("timm/test_resnet", layout, identity=True)
    model = build_model(ModelConfig.model_validate(made)).train()
    flags = torch.full((2, 2, 3, 1), 2.0)
    labels = BatchLabels(
        keypoints=torch.cat([torch.rand(2, 2, 3, 2) * 64, flags], -1),
        unique=torch.tensor([[[20.0, 40, 2]], [[50.0, 10, 2]]]),
        area=torch.full((2, 2), 400.0),
        individual_ids=torch.tensor([[0, 1], [1, 0]]),
    )
    images = torch.randn(2, 3, 64, 64)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    seen = []
    for _ in range(60):
        losses = model.loss(model(images), labels)
        optimizer.zero_grad()
        losses["total_loss"].backward()
        optimizer.step()
        seen.append({name: value.item() for name, value in losses.items()})
    heads = ("bodypart_total_loss", "unique_bodypart_total_loss", "identity_total_loss")
    assert all(seen[-1][name] < seen[0][name] / 2 for name in heads), (seen[0], seen[-1])


def test_dlcrnet_serves_a_single_animal_too():
    model = build_model(ModelConfig.model_validate(model_config("dlcrnet_ms5", Layout(("nose", "tail"))))).eval()
    with torch.inference_mode():
        (found,) = model.decode(model(torch.zeros(1, 3, 64, 64)))
    assert found.animals.xy.shape[1:] == (2, 2)
    assert len(found.animals) <= 1
