"""The neck of TokenPose alone; tests/nets/test_parity.py compares it with DeepLabCut's."""

import math

import pytest
import torch

from dlcx.errors import DlcxError
from dlcx.nets.registry import find
from dlcx.nets.tokenpose.model import Encoder, Transformer, sine_positions


def neck() -> Transformer:
    torch.manual_seed(0)
    return Transformer((8, 12), (4, 4), num_keypoints=3, dim=16, channels=5, depth=2, heads=4)


def test_each_transformer_adds_to_what_is_known_of_the_keypoints():
    made = neck()
    tokens = made(torch.randn(2, 5, 8, 12))
    assert tokens.shape == (2, 3, 48)
    assert not torch.equal(tokens[..., :16], tokens[..., 16:32])


def test_patches_are_rows_of_the_embedding_in_reading_order():
    made = neck()
    with torch.no_grad():
        made.patch_to_embedding.weight.zero_()
        made.patch_to_embedding.bias.zero_()
        made.patch_to_embedding.weight[0, (1 * 4 + 2) * 5 + 3] = 1  # row 1, column 2 and channel 3 of a patch
    features = torch.zeros(1, 5, 8, 12)
    features[0, 3, 4 + 1, 8 + 2] = 7  # second row of patches, third column
    seen = []
    made.transformer1.register_forward_hook(lambda module, given, result: seen.append(given[0]))
    made(features)
    patches = seen[0][0, 3:] - made.pos_embedding[0]
    expected = torch.zeros(6, 16)
    expected[5, 0] = 7
    torch.testing.assert_close(patches, expected)


def test_positions_are_added_again_to_the_patches_alone():
    encoder = Encoder(16, depth=3, heads=4, hidden=3, embed=True)
    for parameter in encoder.parameters():
        torch.nn.init.zeros_(parameter)  # every layer then adds nothing
    x, position = torch.randn(1, 5, 16), torch.randn(1, 3, 16)
    after = encoder(x, position)
    torch.testing.assert_close(after[:, :2], x[:, :2])
    torch.testing.assert_close(after[:, 2:], x[:, 2:] + 2 * position)  # before the second and the third layer


def test_positions_are_sines_of_the_row_and_then_of_the_column():
    found = sine_positions(2, 3, 8)[0].reshape(2, 3, 8)
    assert found.shape == (2, 3, 8)
    assert torch.equal(found[1, 0, :4], found[1, 2, :4])
    assert torch.equal(found[0, 1, 4:], found[1, 1, 4:])
    assert found[0, 2, 0].item() == pytest.approx(math.sin(math.pi), abs=1e-5)
    assert found[0, 1, 5].item() == pytest.approx(math.cos(2 * math.pi * 2 / 3), abs=1e-5)
    assert found[0, 1, 6].item() == pytest.approx(math.sin(2 * math.pi * 2 / 3 / 100), abs=1e-5)


def test_crops_of_another_size_are_refused():
    with pytest.raises(DlcxError, match=r"features of shape \[5, 8, 12\], got \[5, 8, 8\]") as caught:
        neck()(torch.zeros(1, 5, 8, 8))
    assert "top_down_crop" in caught.value.hint


def test_the_manuals_name_is_the_nets_name():
    assert find("Animal_TokenPose_base").name == "animaltokenpose_base"
