"""A heatmap head for the tests."""

from dlcx.heads.build_from_config import build_from_config
from dlcx.heads.heatmap.head import build
from dlcx.heads.protocol import HeadContext
from dlcx.nets.blocks import heatmap_head


def head(block=None, **changes):
    block = {**(block or heatmap_head(8, 3)), **changes}
    return build_from_config(
        block, {"HeatmapHead": build}, "model.heads.bodypart", context=HeadContext(channels=8, stride=16, where="HEAD")
    )
