"""Description of the network for dlcx, without torch."""

from dlcx.nets.blocks import backbone, runner
from dlcx.nets.bottom_up import bottom_up_heads
from dlcx.nets.registry import Block, Family, NetContext, NetSpec

WIDTH = 32


def _configure(name: str, context: NetContext) -> Block:
    """Return the network's part of pytorch_config.yaml; dlcx adds the common values."""
    channels = 4 * WIDTH
    return {
        "model": {
            "backbone": backbone(type="SmallUNet", width=WIDTH),
            "heads": bottom_up_heads(context, channels),
            "backbone_output_channels": channels,
        },
        "runner": runner(1e-3, [90, 120], [1e-4, 1e-5]),  # initial learning rate, milestones, later rates
    }


FAMILY = Family(
    name="small_unet",
    nets=(
        NetSpec(
            name="small_unet",
            kinds=("single", "multi"),
            method="bu",
            summary="example of an external network: few parameters, trains quickly on a single scene",
            paper="Ronneberger et al. 2015, arXiv:1505.04597",
            stride=4,
            parameters=1_093_516,
            gflops=1.13,
            golden=False,  # not a network of DeepLabCut, so the test case below replaces golden values
            case="own_net:case.npz",
            configure=_configure,
        ),
    ),
    backbones={"SmallUNet": "own_net.model:SmallUNet"},
)
