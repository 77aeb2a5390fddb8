import cv2
import numpy as np
import pytest
import torch

from dlcx.errors import DlcxError
from dlcx.nets.build import build_model
from dlcx.nets.configure import merge, model_config
from dlcx.poses import Instances, Layout, Prediction
from dlcx.predictors import Geometry, create_predictor
from dlcx.predictors.preprocessing import MEAN, STD, Padding, build_preprocessing
from dlcx.settings import ModelConfig, Transforms

NET = "timm/test_resnet"  # a timm network of a few thousand weights


def config(**inference) -> ModelConfig:
    block = model_config(NET, Layout(("nose", "tail")))
    return ModelConfig.model_validate(merge(block, {"data": {"inference": inference}}))


def prepared(images: np.ndarray, **transforms):
    inputs, geometry = build_preprocessing(Transforms(**transforms))(images, "cpu")
    return inputs, geometry


@pytest.fixture
def images() -> np.ndarray:
    smooth = cv2.resize(np.random.default_rng(0).integers(0, 255, (6, 8, 3), np.uint8), (80, 60))
    return np.stack([smooth, smooth[:, ::-1]])


def test_normalized_as_imagenet(images):
    inputs, geometry = prepared(images)
    expected = (images / 255 - MEAN) / STD
    np.testing.assert_allclose(inputs, expected.transpose(0, 3, 1, 2), atol=1e-6)
    assert inputs.dtype == torch.float32
    assert geometry == Geometry()


def test_without_normalisation_and_in_unit_range(images):
    raw, _ = prepared(images, normalize_images=False)
    unit, _ = prepared(images, normalize_images=False, scale_to_unit_range=True)
    np.testing.assert_array_equal(raw, images.transpose(0, 3, 1, 2))
    np.testing.assert_allclose(unit * 255, raw, rtol=1e-6)


@pytest.mark.parametrize(
    ("transforms", "size", "scale"),
    [
        ({"resize": {"width": 40, "height": 40}}, (40, 40), (0.5, 0.5)),
        ({"resize": {"width": 40, "height": 60, "keep_ratio": False}}, (60, 40), (0.5, 1.0)),
        ({"longest_max_size": 160}, (120, 160), (2.0, 2.0)),
        ({"longest_max_size": 41}, (31, 41), (41 / 80, 31 / 60)),
    ],
)
def test_resizing_and_the_way_back(images, transforms, size, scale):
    inputs, geometry = prepared(images, normalize_images=False, **transforms)
    assert inputs.shape[-2:] == size
    assert geometry.scale == pytest.approx(scale)
    points = np.array([[3.0, 5.0], [70.0, 59.0]], np.float32)
    np.testing.assert_allclose(geometry.to_net(points), points * scale, rtol=1e-6)
    np.testing.assert_allclose(geometry.to_image(geometry.to_net(points)), points, rtol=1e-6)


def test_keep_ratio_pads_black_at_the_bottom(images):
    inputs, _ = prepared(images, normalize_images=False, resize={"width": 40, "height": 40})
    assert not inputs[:, :, 30:].any()
    expected = cv2.resize(images[0], (40, 30), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_array_equal(inputs[0, :, :30].permute(1, 2, 0), expected)


def test_padding_mirrors_at_the_bottom_and_right(images):
    padding = {"pad_height_divisor": 32, "pad_width_divisor": 32}
    inputs, geometry = prepared(images, normalize_images=False, auto_padding=padding)
    expected = cv2.copyMakeBorder(images[0], 0, 4, 0, 16, cv2.BORDER_REFLECT_101)
    np.testing.assert_array_equal(inputs[0].permute(1, 2, 0), expected)
    assert geometry == Geometry()


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (40, 7)])
def test_small_images_are_mirrored_as_often_as_needed(size):
    pixels = torch.arange(float(3 * size[0] * size[1])).reshape(1, 3, *size)
    padded = Padding(min_size=(64, 64))(pixels)
    expected = cv2.copyMakeBorder(
        pixels[0].permute(1, 2, 0).numpy(), 0, 64 - size[0], 0, 64 - size[1], cv2.BORDER_REFLECT_101
    )
    np.testing.assert_array_equal(padded[0].permute(1, 2, 0), expected)


def test_constant_padding(images):
    padding = {"min_height": 64, "border_mode": "constant", "border_value": 7}
    inputs, _ = prepared(images, normalize_images=False, auto_padding=padding)
    assert inputs.shape[-2:] == (64, 80)
    assert (inputs[:, :, 60:] == 7).all()


def test_random_steps_are_refused():
    with pytest.raises(DlcxError, match=r"data\.inference\.motion_blur: random augmentation"):
        build_preprocessing(Transforms(motion_blur=True))


def test_boxes_and_unique_bodyparts_go_back_as_well():
    box = np.array([[10.0, 20.0, 30.0, 40.0]], np.float32)
    found = Prediction(
        Instances(np.ones((1, 2, 2)), np.ones((1, 2)), box=box), unique=Instances(np.ones((1, 1, 2)), np.ones((1, 1)))
    )
    back = Geometry((0.5, 0.25)).prediction_to_image(found)
    assert back.animals.xy[0].tolist() == [[2.0, 4.0]] * 2
    assert back.animals.box.tolist() == [[20.0, 80.0, 60.0, 160.0]]
    assert back.unique is not None
    assert back.unique.xy.tolist() == [[[2.0, 4.0]]]


def test_predictions_are_in_pixels_of_the_image(images):
    """The decoded maxima of the maps, scaled by hand, and the same in batches and one by one."""
    chosen = config(resize={"width": 160, "height": 120})
    model = build_model(chosen)
    for layer in model.heads.modules():
        if isinstance(layer, torch.nn.ConvTranspose2d):
            torch.nn.init.normal_(layer.weight, std=0.2)
    predictor = create_predictor(model, chosen, device="cpu")
    found = predictor.predict(images)
    (inputs,) = predictor.inputs(images).tensors
    with torch.inference_mode():
        maps = model(inputs)["bodypart"]
    for index, prediction in enumerate(found):
        heat = maps["heatmap"][index]
        assert len(prediction.animals) == 1
        for part in range(2):
            row, column = divmod(int(heat[part].argmax()), heat.shape[-1])
            offset = maps["locref"][index, 2 * part : 2 * part + 2, row, column].numpy() * 7.2801
            expected = (np.array([column, row]) * 8 + 4 + offset) / 2
            np.testing.assert_allclose(prediction.animals.xy[0, part], expected, atol=1e-3)
        alone = predictor.predict(images[index : index + 1])[0]
        np.testing.assert_allclose(alone.animals.xy, prediction.animals.xy, atol=1e-3)


def test_the_files_device_counts_for_auto():
    block = model_config(NET, Layout(("nose",)))
    chosen = ModelConfig.model_validate({**block, "device": "cuda:99"})
    with pytest.raises(DlcxError, match="--device cuda:99"):
        create_predictor(build_model(chosen), chosen)
    create_predictor(build_model(chosen), chosen, device="cpu")


@pytest.mark.parametrize("name", [NET, f"top_down_{NET}"])
def test_maps_of_nan_are_no_poses(images, name):
    """Variances below zero, which are finite, make maps of nan; these once were animals that were not seen."""
    given = ModelConfig.model_validate(model_config(name, Layout(("nose", "tail"), ("a", "b"), multi=name != NET)))
    model = build_model(given)
    state = model.state_dict()
    key = next(key for key in state if key.endswith("running_var"))
    state[key].fill_(-1)
    model.load_state_dict(state)
    predictor = create_predictor(model, given, device="cpu")
    guesses = [Instances.from_boxes(np.array([[5.0, 5, 40, 40]]), np.ones(1))] * 2
    with pytest.raises(DlcxError, match=r"map bodypart\.\w+ contains values that are not numbers") as caught:
        predictor.predict(images, guesses)
    assert "--precision fp32" in caught.value.hint
