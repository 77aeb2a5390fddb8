import numpy as np
import pytest
import torch

from dlcx.predictors.preprocessing import Padding, Preprocessing, Scaling

IMAGES = np.random.default_rng(0).integers(0, 256, (2, 9, 7, 3), np.uint8)
SCALINGS = [Scaling(), Scaling(normalize=False), Scaling(unit=True), Scaling(normalize=False, unit=True)]


@pytest.mark.parametrize("scaling", SCALINGS)
def test_a_table_of_bytes_gives_the_very_numbers_of_arithmetic(scaling: Scaling) -> None:
    found = scaling.scale_images(IMAGES, "cpu")
    assert torch.equal(found, scaling(torch.from_numpy(IMAGES).permute(0, 3, 1, 2).float()))
    assert found.dtype == torch.float32
    part = IMAGES[:, 2:8, 1:5]  # a crop of frames is not in one piece
    assert torch.equal(scaling.scale_images(part, "cpu"), found[..., 2:8, 1:5])
    assert scaling.scale_images(IMAGES[:0], "cpu").shape == (0, 3, 9, 7)


@pytest.mark.parametrize("scaling", SCALINGS)
@pytest.mark.parametrize("padding", [Padding((12, 10)), Padding((9, 7), (4, 4), reflect=False, value=37.5)])
def test_padding_after_scaling_is_padding_before(scaling: Scaling, padding: Padding) -> None:
    bare = torch.from_numpy(IMAGES).permute(0, 3, 1, 2).float()
    found, _ = Preprocessing(padding=padding, scaling=scaling)(IMAGES, "cpu")
    assert torch.equal(found, scaling(padding(bare)))
    assert found.shape == (2, 3, 12, 10 if padding.reflect else 8)
    assert torch.equal(found[..., :9, :7], scaling(bare))
    if not padding.reflect:
        assert torch.equal(padding(bare)[:, :, 9:], torch.full((2, 3, 3, 8), 37.5))
