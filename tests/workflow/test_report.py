from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import escape, unescape
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from small_videos import write_video

from dlcx import __version__
from dlcx.cli.app import run
from dlcx.errors import DlcxError
from dlcx.formats.frame_ledger import FrameLedger, write_ledger
from dlcx.formats.predictions import write_predictions
from dlcx.formats.swap_candidates import write_swap_candidates
from dlcx.poses import Layout, SwapCandidate, Tracks
from dlcx.workflow.report import report

SCORER = "DLC_Resnet50_goldsaNov22shuffle1_snapshot_10"


def headings(page: Path) -> list[str]:
    return re.findall("<h2>(.*?)</h2>", page.read_text(encoding="utf-8"))


def test_a_shuffle(trained_project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", "-p", str(trained_project), "-q", "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)["pages"]
    page = Path(told["page"])
    folder = trained_project / "evaluation-results-pytorch/iteration-0/goldsaNov22-trainset75shuffle1"
    assert page == folder / f"{SCORER}_report.html"
    assert (folder / f"{SCORER}.h5").is_file()  # evaluated on the way
    assert headings(page) == [
        "How it learned",
        "Error of each bodypart",
        "What the likelihood says",
        "Are the test images new to the net?",
        "The largest errors on test images",
        "What was trained on what",
    ]
    text = page.read_text(encoding="utf-8")
    assert all(part in text for part in ("snout", "back", "resnet_50"))
    assert text.count("<img") >= 2
    assert not re.search(r"(src|href)=.?https?:", text)
    with pytest.raises(DlcxError, match="--pcutoff"):
        report(trained_project, pcutoff=2)


def charts(text: str, heading: str) -> list[ElementTree.Element]:
    """The broad charts of a section."""
    section = re.search(f"<h2>{re.escape(heading)}</h2>(.*?)</section>", text, re.DOTALL)[1]
    return [ElementTree.fromstring(found) for found in re.findall(r'<svg class="broad".*?</svg>', section)]


def test_colors_and_axes_agree_between_the_charts(trained_project: Path) -> None:
    """Training is always color 0 and test color 1; losses of every epoch and one evaluation share an axis."""
    train = trained_project / "dlc-models-pytorch/iteration-0/goldsaNov22-trainset75shuffle1/train"
    rows = ["step,losses/train.total_loss,losses/eval.total_loss,metrics/test.rmse"]
    rows += [f"{epoch},{1 / epoch},{'0.5,20.0' if epoch == 5 else ','}" for epoch in range(1, 13)]
    (train / "learning_stats.csv").write_text("\n".join(rows) + "\n")
    text = report(trained_project).pages[0].page.read_text(encoding="utf-8")
    assert set(re.findall(r"<i class=b(\d)></i>(training|test|keypoint of a test image)<", text)) == {
        ("0", "training"),
        ("1", "test"),
        ("1", "keypoint of a test image"),
    }
    losses, errors = charts(text, "How it learned")
    assert [item.get("class") for item in losses.iter("path")] == ["c0", "c1"]
    assert [item.get("class") for item in errors.iter("circle")] == ["f1"]  # one evaluation is to be seen
    axes = [
        [(item.text, item.get("x")) for item in chart.iter("text") if item.get("text-anchor") == "middle"]
        for chart in (losses, errors)
    ]
    assert axes[0] == axes[1]
    assert [word for word, _ in axes[0]] == ["2", "4", "6", "8", "10", "12", "epoch"]
    (bars,) = charts(text, "Error of each bodypart")
    assert [item.get("class") for item in bars.iter("rect")][:2] == ["f0", "f1"]
    cutoffs = charts(text, "What the likelihood says")
    marks = [[item.get("x1") for item in one.iter("line") if item.get("class") == "mark"] for one in cutoffs]
    assert marks[0] == marks[1] == marks[2]
    assert 50 < float(marks[0][0]) < 706


def test_pages_say_when_and_what_they_were_made_of(trained_project: Path, tracked: Path) -> None:
    shuffle = report(trained_project).pages[0].page.read_text(encoding="utf-8")
    video = report(trained_project, tracked).pages[0].page.read_text(encoding="utf-8")
    made = rf"Made by dlcx {re.escape(__version__)} on 20\d\d-\d\d-\d\d \d\d:\d\d [^<]+\."
    assert re.search(rf"<p class=soft>Snapshot snapshot-010\.pt, epoch 10\. {made}</p>", shuffle)
    assert re.search(rf"<p class=soft>Snapshot 10\. {made}</p>", video)


def test_speeds_of_animals_have_one_scale(project: Path, tracked: Path) -> None:
    text = report(project, tracked).pages[0].page.read_text(encoding="utf-8")
    ann, bob = charts(text, "Speed")
    ticks = [[item.text for item in chart.iter("text") if item.get("text-anchor") == "end"] for chart in (ann, bob)]
    assert ticks[0] == ticks[1]
    assert float(ticks[0][-1]) > 100  # ann jumps, bob does not


@pytest.fixture
def tracked(project: Path) -> Path:
    """A video of 60 frames with two animals; one jumps in frame 30, and the last frames are unreadable."""
    snapshot = project / "dlc-models-pytorch/iteration-0/goldsaNov22-trainset75shuffle1/train/snapshot-010.pt"
    if not snapshot.exists():
        snapshot.write_bytes(b"w")
    video = write_video(project / "videos" / "v.avi", 60)
    xy = np.full((60, 2, 2, 2), 30.0) + np.arange(60)[:, None, None, None] * 0.2
    xy[:, 1] += 20
    score = np.full((60, 2, 2), 0.9)
    xy[30, 0, 0] += 25
    score[50, 1] = 0.1
    xy[57:], score[57:] = np.nan, np.nan
    layout = Layout(("snout", "tail"), ("ann", "bob"), multi=True)
    write_predictions(Tracks(layout, xy, score), video.with_name(f"v{SCORER}_el.h5"), SCORER, key="tracks")
    number = np.arange(60)
    ledger = FrameLedger.of(0, number / 30, number < 57, np.zeros(60, bool), 60)
    write_ledger(ledger, video.with_name(f"v{SCORER}_frames.csv"))
    write_swap_candidates([SwapCandidate(12, 0.75, "ann", "bob")], video.with_name(f"v{SCORER}_el_swaps.csv"))
    return video


def test_a_video(project: Path, tracked: Path) -> None:
    (done,) = report(project, tracked).pages
    assert done.page == tracked.with_name(f"v{SCORER}_el_report.html")
    assert headings(done.page) == [
        "Where they went",
        "How sure it is",
        "Speed",
        "Frames to look at",
        "Where identities may be swapped",
        "How it was made",
    ]
    text = done.page.read_text(encoding="utf-8")
    assert re.search(r"frame 3[01]: ann snout jumps by 3[56] px", text)
    assert "frame 50: 2 of 4 points are sure" in text
    assert "57, 58, 59" in text
    assert "<span class=soft>unreadable frames</span><b>3</b>" in text
    assert "<td>ann</td><td class=n>95 %</td><td class=n>5.0 %</td><td class=n>0.90</td>" in text
    assert "<td class=n>12</td><td>ann</td><td>bob</td><td class=n>0.75</td>" in text
    with pytest.raises(DlcxError, match="no poses"):
        report(project, tracked, filtered=True)


#: Added to a page that stands in a frame, which may be narrower than any window: what a reader would see of it.
SEEN = """<script>addEventListener('load', () => parent.document.title = JSON.stringify({
loaded: [...document.images].filter(image => image.complete && image.naturalWidth).length,
images: document.images.length, wide: document.documentElement.scrollWidth, window: innerWidth,
charts: [...document.querySelectorAll('svg')].filter(one => one.getClientRects().length).map(one => one.classList[0]),
}))</script>"""


@pytest.mark.parametrize(("width", "drawn"), [(400, "narrow"), (1280, "broad")])
def test_the_pages_in_a_browser(trained_project: Path, tracked: Path, tmp_path: Path, width: int, drawn: str) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("there is no chromium to look at the page with")
    for made in (*report(trained_project, tracked).pages, *report(trained_project).pages):
        page = tmp_path / f"{made.page.stem}_seen.html"
        framed = escape(made.page.read_text(encoding="utf-8") + SEEN, quote=True)
        look = f"width:{width}px;height:800px;border:0"
        page.write_text(f'<title></title><iframe style="{look}" srcdoc="{framed}"></iframe>', encoding="utf-8")
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--enable-logging=stderr"]
        done = subprocess.run(
            [
                chromium,
                *flags,
                f"--user-data-dir={tmp_path / 'browser'}",
                "--window-size=1400,900",
                "--dump-dom",
                page.as_uri(),
            ],
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert "CONSOLE" not in done.stderr
        seen = json.loads(unescape(re.search("<title>(.*?)</title>", done.stdout)[1]))
        assert seen["loaded"] == seen["images"] > 1
        assert seen["window"] == width
        assert seen["wide"] <= width, "the page is to be read without going sideways"
        assert set(seen["charts"]) == {drawn}


def test_a_frame_in_which_nobody_was_tracked_is_not_unreadable(project: Path, tracked: Path) -> None:
    tracked.with_name(f"v{SCORER}_frames.csv").unlink()
    (done,) = report(project, tracked).pages
    text = done.page.read_text(encoding="utf-8")
    assert "<span class=soft>unreadable frames</span><b>-</b>" in text
    assert "57, 58, 59" not in text


def test_facts_without_anything_sure(project: Path, tracked: Path) -> None:
    """Nothing found at all: every chart and table copes."""
    xy = np.full((60, 2, 2, 2), np.nan)
    layout = Layout(("snout", "tail"), ("ann", "bob"), multi=True)
    tracks = Tracks(layout, xy, np.full((60, 2, 2), np.nan))
    write_predictions(tracks, tracked.with_name(f"v{SCORER}_el.h5"), SCORER, key="tracks")
    (done,) = report(project, tracked).pages
    text = done.page.read_text(encoding="utf-8")
    assert "None stands out." in text
    assert "No point has a likelihood of 0.6 or more." in text
