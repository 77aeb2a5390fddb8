"""The file from which a training resumes."""

import random

import numpy as np
import pytest
import torch

from dlcx.errors import DlcxError
from dlcx.training.resume_state import random_states, read_state, seed_all, set_random_states, write_state

STATE = {"model": {"weight": torch.arange(4.0)}, "recipe": {"seed": 3}, "epoch": 2, "job": "slurm::7"}


def numbers() -> list[float]:
    return [random.random(), float(np.random.random()), float(torch.rand(1))]  # noqa: NPY002


def test_states_read_back(tmp_path):
    write_state(STATE, tmp_path / "state.pt")
    found = read_state(tmp_path / "state.pt")
    assert torch.equal(found.pop("model")["weight"], STATE["model"]["weight"])
    assert found == {"version": 1, "recipe": {"seed": 3}, "epoch": 2, "job": "slurm::7"}
    assert [path.name for path in tmp_path.iterdir()] == ["state.pt"]


@pytest.mark.parametrize(
    ("change", "message"),
    [({"version": 2}, "version 1, got 2"), ({"model": None}, "weights"), ({"recipe": [1]}, "settings")],
)
def test_states_of_another_form_are_refused(tmp_path, change, message):
    torch.save({"version": 1, **STATE, **change}, tmp_path / "state.pt")
    with pytest.raises(DlcxError, match=message) as caught:
        read_state(tmp_path / "state.pt")
    assert caught.value.hint.startswith("Delete it to resume from the last snapshot")


def test_random_generators_continue_after_a_restore(tmp_path):
    seed_all(5)
    numbers()
    write_state({**STATE, "random": random_states()}, tmp_path / "state.pt")
    expected = numbers()
    seed_all(6)
    assert numbers() != expected
    set_random_states(read_state(tmp_path / "state.pt")["random"])
    assert numbers() == expected


def test_equal_seeds_give_equal_numbers():
    seed_all(2**40 + 1)
    one = numbers()
    seed_all(2**40 + 1)
    assert numbers() == one
