#!/usr/bin/env bash
# Animals that occlude each other: a bottom-up network predicts initial poses, and a conditional network (BUCTD) refines
# them.  `dlcx compare` shows the improvement on the same test images.
#
#   PROJECT=PATH examples/buctd.sh
set -euo pipefail
: "${PROJECT:?set PROJECT to the folder of a labeled multi-animal project}"
: "${EPOCHS:=200}"
: "${BOTTOM_UP:=1}"         # shuffle of the bottom-up network
: "${SHUFFLE:=2}"           # shuffle of the conditional network
: "${WEIGHTS:=imagenet}"    # none: random weights, for machines without internet access
: "${VIDEOS:=$PROJECT/videos}"
export DLCX_PROJECT=$PROJECT

dlcx create-dataset --shuffle "$BOTTOM_UP" --net-type dlcrnet_stride16_ms5 --weights "$WEIGHTS"
dlcx train --shuffle "$BOTTOM_UP" --epochs "$EPOCHS"

dlcx create-dataset --shuffle "$SHUFFLE" --net-type ctd_prenet_rtmpose_m --weights "$WEIGHTS" \
    --from-shuffle "$BOTTOM_UP" --conditions "$BOTTOM_UP"
dlcx train --shuffle "$SHUFFLE" --epochs "$EPOCHS"
dlcx evaluate --shuffle "$BOTTOM_UP" --shuffle "$SHUFFLE" --plot
dlcx compare "$BOTTOM_UP" "$SHUFFLE"

# With --tracker ctd, the poses of each frame are the initial poses of the next one, so animals keep their identities.
dlcx analyze-video "$VIDEOS" --shuffle "$SHUFFLE" --tracker ctd
dlcx create-labeled-video "$VIDEOS" --shuffle "$SHUFFLE" --tracker ctd --color-by individual
dlcx report "$VIDEOS" --shuffle "$SHUFFLE" --tracker ctd
