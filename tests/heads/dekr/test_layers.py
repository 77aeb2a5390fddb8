"""Layers of the DEKR head against torchvision's."""

import torch
from torch.nn import functional
from torchvision.ops import deform_conv2d

from dlcx.heads.dekr.layers import KERNEL_OFFSETS, AdaptiveBlock, OffsetBranch, deformable_convolution


def test_all_keypoints_at_once_are_each_keypoint_alone():
    torch.manual_seed(0)
    branch = OffsetBranch(6, 5, keypoints=3, blocks=2).double().train()
    alone = OffsetBranch(6, 5, keypoints=3, blocks=2).double().train()
    alone.load_state_dict(branch.state_dict())
    features = torch.randn(2, 6, 7, 9, dtype=torch.float64)

    def adapted(block: AdaptiveBlock, x: torch.Tensor) -> torch.Tensor:
        matrix, shift = block.transform_matrix_conv(x), block.translation_conv(x)
        offsets = []
        for tap in range(9):
            y, x_ = block.regular_matrix[:, tap]
            offsets.append(matrix[:, 0] * y + matrix[:, 1] * x_ - y + shift[:, 0])
            offsets.append(matrix[:, 2] * y + matrix[:, 3] * x_ - x_ + shift[:, 1])
        moved = deform_conv2d(x, torch.stack(offsets, 1), block.adapt_conv.weight, padding=1)
        return functional.relu(block.bn(moved) + x)

    parts = []
    for number, x in enumerate(alone.transition_offset(features).split(5, 1)):
        for block in alone.offset_feature_layers[number]:
            x = adapted(block, x)
        parts.append(alone.offset_final_layer[number](x))
    torch.testing.assert_close(branch(features), torch.cat(parts, 1), rtol=0, atol=1e-12)
    torch.testing.assert_close(branch.state_dict(), alone.state_dict(), rtol=0, atol=1e-12)  # statistics of batch norms
    assert branch.state_dict()["offset_feature_layers.2.1.bn.num_batches_tracked"] == 1
    branch.eval()(features)
    torch.testing.assert_close(branch.state_dict(), alone.state_dict(), rtol=0, atol=1e-12)


def test_taps_may_lie_anywhere():
    """The way for CPUs is torchvision's deformable convolution, beyond the borders too, and learns the same."""
    torch.manual_seed(0)
    x, ways, weight = torch.randn(2, 6, 5, 7), torch.randn(2, 2, 9, 2, 5, 7) * 4, torch.randn(6, 3, 3, 3)
    inputs = [value.double().requires_grad_() for value in (x, ways, weight)]
    usual = torch.tensor(KERNEL_OFFSETS, dtype=torch.float64).T[:, :, None, None]
    expected = deform_conv2d(inputs[0], (inputs[1] - usual).flatten(1, 3), inputs[2], padding=1)
    found = deformable_convolution(*inputs)
    torch.testing.assert_close(found, expected)
    for own, theirs in zip(*(torch.autograd.grad(y.square().sum(), inputs) for y in (found, expected)), strict=True):
        torch.testing.assert_close(own, theirs)
