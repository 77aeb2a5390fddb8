"""Heads: one file a head = its targets, layers, loss and decoding; what they share has files of its own.

``HEADS`` says which function builds a head ``type`` of pytorch_config.yaml; a family may add types of its own
(:class:`dlcx.nets.registry.Family`).  The function takes the block's keys and ``backbone_stride``.
"""

from __future__ import annotations

HEADS = {
    "DEKRHead": "dlcx.heads.dekr.head:build",
    "DLCRNetHead": "dlcx.heads.paf.head:build",
    "HeatmapHead": "dlcx.heads.heatmap.head:build",
    "RTMCCHead": "dlcx.heads.simcc.head:build",
    "TransformerHead": "dlcx.heads.tokenpose.head:build",
}
