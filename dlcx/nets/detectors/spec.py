"""SSDLite and Faster R-CNN of torchvision; GFLOPs are for an image with the maximum number of proposals."""

from __future__ import annotations

from functools import partial

from dlcx.nets.registry import Block, Family, NetContext, NetSpec


def _ssdlite(name: str, context: NetContext) -> Block:
    return {"model": {"type": "SSDLite"}, "train_settings": {"batch_size": 16}}


def _faster_rcnn(name: str, context: NetContext) -> Block:
    return {"model": {"type": "FasterRCNN", "variant": name}}


_net = partial(NetSpec, kinds=("detector",), method="detect")


FAMILY = Family(
    name="detectors",
    nets=(
        _net(
            name="ssdlite",
            summary="small and fast, for a few large animals",
            paper="Howard et al. 2019 (MobileNetV3), arXiv:1905.02244",
            stride=16,
            configure=_ssdlite,
            parameters=2_206_520,
            gflops=0.41,
        ),
        _net(
            name="fasterrcnn_mobilenet_v3_large_fpn",
            summary="between the others in speed; more precise boxes than ssdlite",
            paper="Ren et al. 2015 (Faster R-CNN), arXiv:1506.01497",
            stride=32,
            configure=_faster_rcnn,
            parameters=18_930_229,
            gflops=18.40,
        ),
        _net(
            name="fasterrcnn_resnet50_fpn_v2",
            summary="the most precise and by far the slowest, for small or crowded animals; best on a GPU",
            paper="Li et al. 2021, arXiv:2111.11429",
            stride=4,
            configure=_faster_rcnn,
            parameters=43_256_153,
            gflops=279.92,
        ),
    ),
    detectors={
        "SSDLite": "dlcx.nets.detectors.model:ssdlite",
        "FasterRCNN": "dlcx.nets.detectors.model:faster_rcnn",
    },
)
