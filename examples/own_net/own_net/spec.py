"""What dlcx has to know of the network without building it; imports no torch."""

from dlcx.nets.blocks import backbone, runner
from dlcx.nets.bottom_up import bottom_up_heads
from dlcx.nets.registry import Block, Family, NetSpec, Request

WIDTH = 32


def _configure(name: str, request: Request) -> Block:
    """What pytorch_config.yaml says of this net; the common values are added."""
    channels = 4 * WIDTH
    return {
        "model": {
            "backbone": backbone(type="SmallUNet", width=WIDTH),
            "heads": bottom_up_heads(request, channels),
            "backbone_output_channels": channels,
        },
        "runner": runner(1e-3, [90, 120], [1e-4, 1e-5]),  # AdamW's rate, then epochs and the rates from there on
    }


FAMILY = Family(
    name="small_unet",
    nets=(
        NetSpec(
            name="small_unet",
            kinds=("single", "multi"),
            method="bu",
            summary="an example of a network of one's own: few parameters, quick to learn a single scene",
            paper="Ronneberger et al. 2015, arXiv:1505.04597",
            stride=4,
            parameters=1_093_516,
            gflops=1.13,
            golden=False,  # DeepLabCut does not know it, so it brings a case of its own
            case="own_net:case.npz",
            configure=_configure,
        ),
    ),
    backbones={"SmallUNet": "own_net.model:SmallUNet"},
)
