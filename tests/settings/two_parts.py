"""The bodyparts of the projects whose keys are walked."""

from dlcx.poses import Layout

LAYOUT = Layout(("nose", "tail"))
