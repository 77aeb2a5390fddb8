#!/usr/bin/env bash
# The whole way on a drawn project, from nothing to a labelled video:
#
#   examples/demo.sh [DIR]
#
# BIN names the folder of dlcx and python where they are not on the PATH.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
bin=${BIN:+$(cd "$BIN" && pwd)/}
folder=${1:-demo}

step() {
    printf '\n$ dlcx %s\n' "$*" >&2
    "${bin}dlcx" "$@"
}

step demo "$folder"
project=$(cd "$folder" && pwd)
cd "$project"

step create-dataset --net-type timm/test_resnet --weights none
step train
step evaluate --per-bodypart
step analyze-video videos/arena.mp4
step create-labeled-video videos/arena.mp4

newest() { ls -t "$@" | head -n 1; }
h5=$(newest "$project"/videos/arenaDLC_*[0-9].h5)
printf '\nError in all frames of the video, by the true tracks:\n'
"${bin}python" "$here/demo_error.py" "$h5" "$project/videos/arena_truth.h5" demo.json
printf '\nWhat was made:\n'
printf '  poses, h5:       %s\n' "$h5"
printf '  poses, csv:      %s\n' "${h5%.h5}.csv"
printf '  labelled video:  %s\n' "$(newest "$project"/videos/arenaDLC_*labeled.mp4)"
printf '  learning curve:  %s\n' "$(newest "$project"/dlc-models-pytorch/*/*/train/learning_curve.png)"
