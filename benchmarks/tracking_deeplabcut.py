"""The DeepLabCut measurements of the tracking benchmark, for the environment created by `make interchange-env`.

``tracking_deeplabcut.py JOB.json`` runs the steps listed in the file and writes their times to JOB.done.json::

    {"track": [{"config": ..., "video": ...}, ...],           tracklets and stitching, from the pickles next to a video
     "assemble": {"full": ..., "parts": 12, "animals": 3}}    assembly from a _full.pickle, in this process
"""

import json
import os
import pickle
import sys
import time
from importlib.metadata import version
from pathlib import Path

os.environ.setdefault("DLClight", "True")  # no windows
os.environ.setdefault("MPLBACKEND", "agg")

import deeplabcut
import torch
from deeplabcut.core.inferenceutils import Assembler


def track(config, video):
    """Return the seconds for tracklets and for stitching, or the error message if DeepLabCut fails."""
    started = time.perf_counter()
    try:
        deeplabcut.convert_detections2tracklets(config, [video], track_method="ellipse")
        between = time.perf_counter()
        deeplabcut.stitch_tracklets(config, [video], track_method="ellipse", save_as_csv=True)
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
    return {"tracklets": between - started, "stitching": time.perf_counter() - between}


def assemble(full, parts, animals):
    """Return the seconds to assemble the animals of all frames, and their number."""
    detections = pickle.loads(Path(full).read_bytes())
    metadata = detections["metadata"]
    started = time.perf_counter()
    assembler = Assembler(
        detections,
        max_n_individuals=animals,
        n_multibodyparts=parts,
        graph=metadata["PAFgraph"],
        paf_inds=[int(edge) for edge in metadata["PAFinds"]],
    )
    assembler.assemble(chunk_size=0)
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "animals": sum(map(len, assembler.assemblies.values()))}


def main():
    """Run the job."""
    assert version("filterpy") == "1.4.5", "filterpy 2.0 breaks DeepLabCut's trackers"
    torch.set_num_threads(1)
    path = Path(sys.argv[1])
    job = json.loads(path.read_text())
    done = {"version": version("deeplabcut"), "filterpy": version("filterpy")}
    if "assemble" in job:
        done["assemble"] = assemble(**job["assemble"])
    done["track"] = [track(**step) for step in job["track"]]
    path.with_suffix(".done.json").write_text(json.dumps(done))


if __name__ == "__main__":
    main()
