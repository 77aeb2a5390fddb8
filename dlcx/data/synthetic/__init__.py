"""Synthetic recordings: rendered mice on a textured floor, with exactly known bodyparts.

:func:`scene` creates a :class:`~dlcx.data.synthetic.scene.Scene`; the same arguments give the same pixels.
"""

from dlcx.data.synthetic.scene import SKELETON, Scene, scene, true_tracks

__all__ = ["SKELETON", "Scene", "scene", "true_tracks"]
