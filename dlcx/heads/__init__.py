"""Heads: one folder per head with its targets, layers, losses and decoding, and the code that heads share.

``HEADS`` names the function that builds each head ``type`` of pytorch_config.yaml, which gets the block's keys and the
facts listed in :func:`dlcx.nets.build.build_model`. A network family may add types
(:class:`dlcx.nets.registry.Family`).
"""

from __future__ import annotations

HEADS = {
    "DEKRHead": "dlcx.heads.dekr.head:build",
    "DLCRNetHead": "dlcx.heads.paf.head:build",
    "HeatmapHead": "dlcx.heads.heatmap.head:build",
    "RTMCCHead": "dlcx.heads.simcc.head:build",
    "TransformerHead": "dlcx.heads.tokenpose.head:build",
}
