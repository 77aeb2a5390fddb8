#!/usr/bin/env bash
# Create an environment with DeepLabCut 3.0.2, with which dlcx is compared.  It does not contain dlcx, and dlcx's own
# environment does not contain DeepLabCut.
#
#   tests/interchange/make_env.sh [FOLDER]     default: .venv-deeplabcut in the repository root (about 6 GB)
#
# PYTHON is the interpreter (3.10 to 3.12).  pip writes its log to $PIP_LOG or to a temporary file.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
venv=${1:-$root/.venv-deeplabcut}
log=${PIP_LOG:-$(mktemp -t dlcx-interchange-env.XXXXXX.log)}
deeplabcut=3.0.2
wanted="deeplabcut $deeplabcut, filterpy 1.4.5"

if [[ -f $venv/interchange-ready && $(<"$venv/interchange-ready") == "$wanted" ]]; then
  echo "ready: $venv"
  exit 0
fi

echo "making $venv; log: $log"
"${PYTHON:-python3.11}" -m venv --clear "$venv"
pip=("$venv/bin/python" -m pip --log "$log" --quiet)
"${pip[@]}" install torch torchvision
# filterpy 2.0 breaks DeepLabCut's trackers although its requirements allow it, and DeepLabCut does not support pandas 3.
"${pip[@]}" install "deeplabcut==$deeplabcut" "filterpy==1.4.5" "pandas<3"
"$venv/bin/python" - <<PY
from importlib.metadata import version
assert version("deeplabcut") == "$deeplabcut" and version("filterpy") == "1.4.5"
assert version("pandas").startswith("2.")
PY
echo "$wanted" > "$venv/interchange-ready"
echo "ready: $venv"
