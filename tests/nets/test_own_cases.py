"""Every net that DeepLabCut does not know is compared with something else."""

import numpy as np
from golden_io import error
from own_cases import case_path, outputs

from dlcx.nets.registry import specs


def test_nets_that_deeplabcut_does_not_know_bring_a_case_of_their_own():
    """Open nets such as ``timm/NAME`` are compared with their library's own features instead."""
    for net in specs():
        assert net.golden or net.prefix or net.case, f"{net.name}: NetSpec.case must name its stored outputs"
        if net.case:
            stored, found = np.load(case_path(net)), outputs(net)
            assert found.keys() == set(stored)
            assert all(error(stored, key, value) < 3e-5 for key, value in found.items()), net.name
