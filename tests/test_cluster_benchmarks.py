"""Check the cost of a frame and the best length of a part, as documented in docs/scale.md."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import frame_cost
import part_size
from part_size import Cluster, simulate
from several_animals import PAF, long_video, make_project

#: No preemption.
CALM = Cluster(workers=1, start=30, between=1e12, requeue=120, chunk=20)
BUSY = Cluster(workers=10, start=30, between=7200, requeue=120, chunk=20)


@pytest.mark.parametrize("parts", [1, 8])
def test_one_worker_without_preemption_wastes_only_its_starts(parts: int) -> None:
    slow, wasted = simulate(CALM, 3600, 3600 / parts, seed=3, chunks=True)
    started = parts * CALM.start
    working = started / (slow - 1)  # slowed down by the node, like the optimum
    assert wasted == pytest.approx(started / (started + working))
    assert working == pytest.approx(3600, rel=0.5)


@pytest.mark.parametrize("minutes", [5, 80, 320])
def test_chunks_save_work_of_long_parts(minutes: float) -> None:
    seen = [
        [simulate(BUSY, 360_000, 60 * minutes, seed, chunks=chunks) for seed in range(3)] for chunks in (True, False)
    ]
    (with_chunks, waste), (without, more_waste) = np.mean(seen, axis=1)
    assert 1 < with_chunks < without
    assert 0 < waste < more_waste < 1


def test_part_size_prints_and_plots_every_length(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    figure = tmp_path / "figure.png"
    part_size.main(["--hours", "5", "--workers", "3", "--repeats", "1", "--figure", str(figure)])
    said = capsys.readouterr().out
    rows = re.findall(r"^ +(\S+) min: +(\S+) times the optimum, +(\S+) % wasted$", said, re.MULTILINE)
    assert [float(row[0]) for row in rows] == [*part_size.MINUTES] * 3
    assert all(float(slow) >= 1 and 0 < float(waste) < 100 for _, slow, waste in rows)
    assert figure.stat().st_size > 10_000


@pytest.mark.slow
def test_the_table_of_the_docs_is_what_part_size_prints(capsys: pytest.CaptureFixture) -> None:
    part_size.main([])
    blocks = re.split(r"^\S.*$", capsys.readouterr().out, flags=re.MULTILINE)[1:]
    printed = [
        {
            float(minutes): (float(slow), float(waste))
            for minutes, slow, waste in re.findall(r"(\S+) min: +(\S+) .*?(\S+) %", block)
        }
        for block in blocks
    ]
    text = (Path(__file__).parents[1] / "docs" / "scale.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| (\S+) \| (\d+) % \| (\S+) \| (\d+) % \|$", text, re.MULTILINE)
    assert [int(row[0]) for row in rows] == [1, 5, 20, 80, 320]
    for minutes, *told in rows:
        for (slow, waste), said in zip((one[float(minutes)] for one in printed), (told[:2], told[2:]), strict=False):
            assert float(said[0]) == pytest.approx(slow, rel=0.005)
            assert float(said[1]) == pytest.approx(waste, abs=0.55)


@pytest.mark.slow
def test_frame_cost_adds_up(golden: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    project = make_project(tmp_path / "ma-me-2026-01-02", golden, PAF)
    video = long_video(project / "videos" / "long.avi", golden, 40)
    words = ["--project", str(project), "--shuffle", str(PAF), "--video", str(video), "--frames", "24"]
    words += ["--long", "100"]
    frame_cost.main([*words, "--processes", "1", "2"])
    out, err = capsys.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert lines[0] == "long.avi: 96x64, 24 frames"

    spent = {name: float(value) for name, value in re.findall(r"^(.+): (\S+) ms per frame", out, re.MULTILINE)}
    one_after_another = {"waiting", "preparing", "net", "pose decoding", "writing", "linking"}
    assert spent.keys() == one_after_another | {"decoding (in parallel)", "one worker"}
    working = sum(spent[name] for name in one_after_another - {"waiting"})
    assert spent["one worker"] == pytest.approx(max(working, spent["decoding (in parallel)"]), rel=0.02)

    held = {name: int(value) for name, value in re.findall(r"^(.+): (\d+) bytes per frame$", out, re.MULTILINE)}
    assert held.pop("video") == pytest.approx(video.stat().st_size / 40, abs=1)
    files = {name: held[name] for name in held if name not in ("chunk store", "results without the store")}
    assert {".h5", ".csv", "_full.pickle"} <= files.keys()
    assert held["chunk store"] > 0
    assert held["results without the store"] == pytest.approx(sum(files.values()), abs=len(files))

    rates = re.findall(r"^--devices (\d): (\d+) frames in (\S+) s, (\S+) frames/s, (\S+) at work", out, re.MULTILINE)
    assert [(row[0], row[1]) for row in rates] == [("1", "48"), ("2", "48")]
    for _, frames, seconds, whole, at_work in rates:
        assert float(whole) == pytest.approx(int(frames) / float(seconds), rel=0.02)
        assert float(at_work) > float(whole)
    gain = re.search(r"; (\S+) and (\S+) times --devices 1$", lines[-1])
    assert gain
    assert float(gain[1]) == pytest.approx(float(rates[1][3]) / float(rates[0][3]), rel=0.03)
