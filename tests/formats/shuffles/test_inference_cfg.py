"""Settings of tracking: DeepLabCut's defaults, and values that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlcx.errors import DlcxError
from dlcx.formats.shuffles.inference_cfg import InferenceSettings, read_inference_cfg


def test_missing_files_and_keys_mean_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "inference_cfg.yaml"
    assert read_inference_cfg(path) == InferenceSettings(0.1, 0.0, 0.6, 1, 1)
    path.write_text("variant: 0\npcutoff: 0\nmax_age: 5\nmin_hits:\n")
    assert read_inference_cfg(path) == InferenceSettings(0.0, 0.0, 0.6, 5, 1)


@pytest.mark.parametrize("line", ["max_age: 1.5", "max_age: true", "pcutoff: -0.1", "pcutoff: high", "pcutoff: .inf"])
def test_wrong_values_are_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "inference_cfg.yaml"
    path.write_text(line)
    with pytest.raises(
        DlcxError, match=rf"inference_cfg\.yaml: {line.split(':')[0]}: expected a number \((int|float)\)"
    ):
        read_inference_cfg(path)
