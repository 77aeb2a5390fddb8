#!/usr/bin/env bash
# Makes the environment of two programs that read DeepLabCut's files: movement and sleap-io.
#
#   tests/interchange/make_consumers_env.sh [FOLDER]     default: .venv-consumers in the repository root
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
venv=${1:-$root/.venv-consumers}
log=${PIP_LOG:-$(mktemp -t dlcx-consumers-env.XXXXXX.log)}

if [[ -f $venv/consumers-ready ]]; then
  echo "ready: $venv"
  exit 0
fi

echo "making $venv; log: $log"
"${PYTHON:-python3.11}" -m venv --clear "$venv"
"$venv/bin/python" -m pip --log "$log" --quiet install movement sleap-io
"$venv/bin/python" -m pip freeze | grep -iE '^(movement|sleap-io|pandas|tables|numpy|xarray)=' | tee "$venv/consumers-ready"
echo "ready: $venv"
