#!/usr/bin/env bash
# A few labels of a new camera or animal: begin with a net that knows similar ones.
#
#   PROJECT=PATH WEIGHTS=OTHER-PROJECT/.../train/snapshot-best-150.pt examples/fine-tune.sh
#
# WEIGHTS is a snapshot of the same kind of net, or the name of a SuperAnimal.  Keypoints are taken over by their names, so the
# projects may have different ones.  A second net, on the same images, begins without that knowledge; `compare` says whether it
# mattered.
set -euo pipefail
: "${PROJECT:?the folder of a labelled project}"
: "${WEIGHTS:?a snapshot, or superanimal_topviewmouse, superanimal_quadruped ...}"
: "${NET:=resnet_50}"   # that of the snapshot
: "${EPOCHS:=50}"
: "${SHUFFLE:=1}"
: "${PLAIN:=2}"         # shuffle of the second net
: "${PLAIN_WEIGHTS:=imagenet}"  # none: random numbers, for machines without network
export DLCX_PROJECT=$PROJECT

dlcx create-dataset --shuffle "$SHUFFLE" --net-type "$NET" --weights "$WEIGHTS"
dlcx train --shuffle "$SHUFFLE" --epochs "$EPOCHS"

dlcx create-dataset --shuffle "$PLAIN" --net-type "$NET" --weights "$PLAIN_WEIGHTS" --from-shuffle "$SHUFFLE"
dlcx train --shuffle "$PLAIN" --epochs "$EPOCHS"
dlcx evaluate --shuffle "$SHUFFLE" --shuffle "$PLAIN" --per-bodypart --plot
dlcx compare "$SHUFFLE" "$PLAIN"
