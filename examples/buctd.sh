#!/usr/bin/env bash
# Animals that hide each other: a bottom-up net makes first guesses, a conditional net (BUCTD) corrects them.  Is it worth it?
# `compare` says so, on the same test images.
#
#   PROJECT=PATH examples/buctd.sh
set -euo pipefail
: "${PROJECT:?the folder of a labelled project of several animals}"
: "${EPOCHS:=200}"
: "${GUESSES:=1}"       # shuffle of the bottom-up net
: "${SHUFFLE:=2}"       # shuffle of the conditional net
: "${WEIGHTS:=imagenet}"    # none: random numbers, for machines without network
: "${VIDEOS:=$PROJECT/videos}"
export DLCX_PROJECT=$PROJECT

dlcx create-dataset --shuffle "$GUESSES" --net-type dlcrnet_stride16_ms5 --weights "$WEIGHTS"
dlcx train --shuffle "$GUESSES" --epochs "$EPOCHS"

dlcx create-dataset --shuffle "$SHUFFLE" --net-type ctd_prenet_rtmpose_m --weights "$WEIGHTS" \
    --from-shuffle "$GUESSES" --conditions "$GUESSES"
dlcx train --shuffle "$SHUFFLE" --epochs "$EPOCHS"
dlcx evaluate --shuffle "$GUESSES" --shuffle "$SHUFFLE" --plot
dlcx compare "$GUESSES" "$SHUFFLE"

# With --tracker ctd the poses of one frame are the guesses of the next, so that animals keep their numbers.
dlcx analyze-video "$VIDEOS" --shuffle "$SHUFFLE" --tracker ctd
dlcx create-labeled-video "$VIDEOS" --shuffle "$SHUFFLE" --tracker ctd --color-by individual
dlcx report "$VIDEOS" --shuffle "$SHUFFLE" --tracker ctd
