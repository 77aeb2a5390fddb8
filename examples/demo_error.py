"""Print the error of the poses in the demo's video compared with the ground truth.

    python examples/demo_error.py PREDICTED.h5 TRUTH.h5 demo.json

demo.json of the project contains the body length.  The error covers all frames of the video; the network was trained
on a sixth of them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from dlcx.formats.predictions.video_predictions import read_predictions

predicted, truth = (read_predictions(Path(name)) for name in sys.argv[1:3])
body = json.loads(Path(sys.argv[3]).read_text(encoding="utf-8"))["body_length"]
error = np.linalg.norm(predicted.xy - truth.xy, axis=-1)  # (frames, animals, bodyparts)
for name, value in zip(truth.layout.bodyparts, np.nanmean(error, (0, 1)), strict=True):
    print(f"{name:>10}: {value:5.2f} px")
print(f"{'mean':>10}: {np.nanmean(error):5.2f} px, {100 * np.nanmean(error) / body:.1f} % of the body length")
