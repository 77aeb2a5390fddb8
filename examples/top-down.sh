#!/usr/bin/env bash
# Several animals, small in large images: a detector finds them, a net poses each on a crop of its own.
#
#   PROJECT=PATH examples/top-down.sh
set -euo pipefail
: "${PROJECT:?the folder of a labelled project of several animals}"
: "${EPOCHS:=200}"      # of the net
: "${DETECTOR_EPOCHS:=250}"
: "${SHUFFLE:=1}"
: "${NET:=top_down_resnet_50}"
: "${DETECTOR:=ssdlite}"    # animals are missed: fasterrcnn_mobilenet_v3_large_fpn
: "${WEIGHTS:=imagenet}"    # none: random numbers, for machines without network; the detector's too
: "${VIDEOS:=$PROJECT/videos}"
export DLCX_PROJECT=$PROJECT

dlcx create-dataset --shuffle "$SHUFFLE" --net-type "$NET" --detector "$DETECTOR" --weights "$WEIGHTS"
dlcx train --shuffle "$SHUFFLE" --epochs "$EPOCHS" --detector-epochs "$DETECTOR_EPOCHS"
dlcx evaluate --shuffle "$SHUFFLE" --per-bodypart --plot    # tells detector (box mAP) and net (rmse) apart
dlcx analyze-video "$VIDEOS" --shuffle "$SHUFFLE"
dlcx create-labeled-video "$VIDEOS" --shuffle "$SHUFFLE" --color-by individual --boxes too
dlcx report --shuffle "$SHUFFLE"
dlcx report "$VIDEOS" --shuffle "$SHUFFLE"
