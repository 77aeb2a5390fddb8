"""How many epochs a training runs."""

import pytest

from dlcx.errors import DlcxError
from dlcx.training.schedule import TrainingSchedule


def test_defaults() -> None:
    schedule = TrainingSchedule(epochs=3)
    assert (schedule.eval_interval, schedule.early_stop, schedule.precision) == (10, None, "fp32")
    assert TrainingSchedule(epochs=1, early_stop=1, precision="bf16").early_stop == 1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epochs": 0}, "--epochs 0: expected at least 1"),
        ({"epochs": 1, "early_stop": 0}, "--early-stop 0: expected at least 1"),
        ({"epochs": 1, "precision": "fp8"}, "--precision fp8: expected fp32, bf16 or fp16"),
    ],
)
def test_values_are_checked(values: dict, message: str) -> None:
    with pytest.raises(DlcxError) as caught:
        TrainingSchedule(**values)
    assert str(caught.value) == message
