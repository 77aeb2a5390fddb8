#!/usr/bin/env bash
# Run the whole workflow on a synthetic project, from labels to a labeled video and reports:
#
#   examples/demo.sh [DIR] [ANIMALS]
#
# Set BIN to the folder of dlcx and python if they are not on the PATH.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
bin=${BIN:+$(cd "$BIN" && pwd)/}
folder=${1:-demo}
animals=${2:-1}

step() {
    printf '\n$ dlcx %s\n' "$*" >&2
    "${bin}dlcx" "$@"
}

step demo "$folder" --animals "$animals"
project=$(cd "$folder" && pwd)
cd "$project"

# A network with 0.4 million parameters and settings for small images and a short training from random weights.  The
# best snapshot is selected by its error, because mAP reaches 100 long before the error stops decreasing.
epochs=${EPOCHS:-140}
dots=model.heads.bodypart.target_generator.pos_dist_thresh=10
[ "$animals" = 1 ] || dots=model.heads.bodypart.target_generator.generators.0.pos_dist_thresh=10
step create-dataset --net-type timm/test_resnet --weights none \
    --set "data.train.affine={p: 1.0, rotation: 180, scaling: [0.8, 1.2], translation: 0}" \
    --set "data.train.crop_sampling={width: 128, height: 128, max_shift: 0.1, method: density}" \
    --set "data.train.hflip={p: 0.5, symmetries: [[1, 2]]}" \
    --set data.train.motion_blur=false \
    --set data.train.gaussian_noise=4 \
    --set $dots \
    --set train_settings.batch_size=4 \
    --set train_settings.epochs=$epochs \
    --set runner.eval_interval=20 \
    --set runner.key_metric=test.rmse --set runner.key_metric_asc=false \
    --set "runner.scheduler={type: OneCycleLR, params: {max_lr: 0.002, total_steps: $epochs}}"
step train
step evaluate --per-bodypart
step analyze-video videos/arena.mp4
if [ "$animals" = 1 ]; then
    step create-labeled-video videos/arena.mp4
else
    step create-labeled-video videos/arena.mp4 --color-by individual --boxes too
fi
step report
step report videos/arena.mp4

newest() { ls -t "$@" | head -n 1; }
if [ "$animals" = 1 ]; then
    h5=$(newest "$project"/videos/arenaDLC_*[0-9].h5)
    printf '\nError in all frames of the video, compared with the ground truth:\n'
    "${bin}python" "$here/demo_error.py" "$h5" "$project/videos/arena_truth.h5" demo.json
else
    h5=$(newest "$project"/videos/arenaDLC_*_el.h5)
    printf '\nTracks in all frames of the video, compared with the ground truth:\n'
    step evaluate-tracks "$h5" videos/arena_truth.h5
fi
printf '\nOutput files:\n'
printf '  poses (h5):            %s\n' "$h5"
printf '  poses (csv):           %s\n' "${h5%.h5}.csv"
printf '  labeled video:         %s\n' "$(newest "$project"/videos/arenaDLC_*labeled.mp4)"
printf '  report on the video:   %s\n' "$(newest "$project"/videos/arenaDLC_*_report.html)"
printf '  report on the network: %s\n' "$(newest "$project"/evaluation-results-pytorch/*/*/*_report.html)"
