#!/usr/bin/env bash
# Several animals that are small in large images: a detector finds them, and a network estimates the pose in each box.
#
#   PROJECT=PATH examples/top-down.sh
set -euo pipefail
: "${PROJECT:?set PROJECT to the folder of a labeled multi-animal project}"
: "${EPOCHS:=200}"      # of the pose network
: "${DETECTOR_EPOCHS:=250}"
: "${SHUFFLE:=1}"
: "${NET:=top_down_resnet_50}"
: "${DETECTOR:=ssdlite}"    # if it misses animals: fasterrcnn_mobilenet_v3_large_fpn
: "${WEIGHTS:=imagenet}"    # none: random weights, also for the detector, without internet access
: "${VIDEOS:=$PROJECT/videos}"
export DLCX_PROJECT=$PROJECT

dlcx create-dataset --shuffle "$SHUFFLE" --net-type "$NET" --detector "$DETECTOR" --weights "$WEIGHTS"
dlcx train --shuffle "$SHUFFLE" --epochs "$EPOCHS" --detector-epochs "$DETECTOR_EPOCHS"
dlcx evaluate --shuffle "$SHUFFLE" --per-bodypart --plot    # box mAP of the detector, rmse of the network
dlcx analyze-video "$VIDEOS" --shuffle "$SHUFFLE"
dlcx create-labeled-video "$VIDEOS" --shuffle "$SHUFFLE" --color-by individual --boxes too
dlcx report --shuffle "$SHUFFLE"
dlcx report "$VIDEOS" --shuffle "$SHUFFLE"
