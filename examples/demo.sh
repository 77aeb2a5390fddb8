#!/usr/bin/env bash
# The whole way on a drawn project, from nothing to a labelled video:  examples/demo.sh [DIR]
# BIN names the folder that holds dlcx when it is not on the PATH.
set -euo pipefail
project=${1:-demo}
dlcx=${BIN:+$BIN/}dlcx

step() { printf '\n== dlcx %s\n' "$*" >&2; "$dlcx" "$@"; }

step demo "$project"
project=$(cd "$project" && pwd)
export DLCX_PROJECT=$project
step create-dataset --net-type timm/resnet10t --weights none
step train
step evaluate
step analyze-video "$project/videos/arena.mp4"
step create-labeled-video "$project/videos/arena.mp4"

printf '\nWhat was made:\n'
