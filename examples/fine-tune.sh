#!/usr/bin/env bash
# Few labels of a new camera or animal: start from a network that was trained on similar data.
#
#   PROJECT=PATH WEIGHTS=OTHER-PROJECT/.../train/snapshot-best-150.pt examples/fine-tune.sh
#
# WEIGHTS is a snapshot of the same type of network, or the name of a SuperAnimal.  Keypoints are matched by name, so
# the two projects may have different bodyparts.  A second network, the baseline, is trained on the same images without
# these weights, and `dlcx compare` shows the difference.
set -euo pipefail
: "${PROJECT:?set PROJECT to the folder of a labeled project}"
: "${WEIGHTS:?set WEIGHTS to a snapshot or a SuperAnimal, such as superanimal_topviewmouse}"
: "${NET:=resnet_50}"   # type of the network in the snapshot
: "${EPOCHS:=50}"
: "${SHUFFLE:=1}"
: "${BASELINE:=2}"      # shuffle of the baseline
: "${BASELINE_WEIGHTS:=imagenet}"   # none: random weights, for machines without internet access
export DLCX_PROJECT=$PROJECT

dlcx create-dataset --shuffle "$SHUFFLE" --net-type "$NET" --weights "$WEIGHTS"
dlcx train --shuffle "$SHUFFLE" --epochs "$EPOCHS"

dlcx create-dataset --shuffle "$BASELINE" --net-type "$NET" --weights "$BASELINE_WEIGHTS" --from-shuffle "$SHUFFLE"
dlcx train --shuffle "$BASELINE" --epochs "$EPOCHS"
dlcx evaluate --shuffle "$SHUFFLE" --shuffle "$BASELINE" --per-bodypart --plot
dlcx compare "$SHUFFLE" "$BASELINE"
