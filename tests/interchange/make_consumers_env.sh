#!/usr/bin/env bash
# Create the environments of programs that read DeepLabCut's files: movement and sleap-io, keypoint-moseq (with JAX,
# about 2 GB), napari-deeplabcut (with Qt, about 1 GB), and DeepLabCut-Live (with torch).
#
#   tests/interchange/make_consumers_env.sh [FOLDER]     default: .venv-consumers in the repository root.  The others
#                                                        are FOLDER-moseq, FOLDER-napari and FOLDER-live.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
venv=${1:-$root/.venv-consumers}
log=${PIP_LOG:-$(mktemp -t dlcx-consumers-env.XXXXXX.log)}

# make FOLDER PATTERN PACKAGE...: create an environment and print the versions of packages that match PATTERN
make_env() {
  local folder=$1 shown=$2
  shift 2
  if [[ ! -f $folder/consumers-ready ]]; then
    echo "making $folder; log: $log"
    "${PYTHON:-python3.11}" -m venv --clear "$folder"
    "$folder/bin/python" -m pip --log "$log" --quiet install "$@"
    "$folder/bin/python" -m pip freeze | grep -iE "^($shown)=" | tee "$folder/consumers-ready"
  fi
  echo "ready: $folder"
}

make_env "$venv" 'movement|sleap-io|pandas|tables|numpy|xarray' movement sleap-io
make_env "$venv-moseq" 'keypoint-moseq|jax|pandas|tables|numpy|pynwb|ndx-pose' keypoint-moseq
make_env "$venv-napari" 'napari|napari-deeplabcut|pandas|tables|numpy' napari-deeplabcut
make_env "$venv-live" 'deeplabcut-live|torch|torchvision|timm|numpy' 'deeplabcut-live[pytorch]==1.1.0'
