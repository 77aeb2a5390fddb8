from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from browser import chromium

from dlcx import __version__
from dlcx.cli.app import run
from dlcx.errors import DlcxError
from dlcx.formats.predictions.video_predictions import write_predictions
from dlcx.poses import Layout, Tracks
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
        "Training",
        "Error by bodypart",
        "Likelihood and error",
        "Test images similar to training images",
        "Largest errors on test images",
        "Training set-up",
    ]
    text = page.read_text(encoding="utf-8")
    assert all(part in text for part in ("snout", "back", "resnet_50"))
    assert text.count("<img") >= 2
    assert not re.search(r"(src|href)=.?https?:", text)
    with pytest.raises(DlcxError, match=r"^--pcutoff 2: "):
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
    losses, errors = charts(text, "Training")
    assert [item.get("class") for item in losses.iter("path")] == ["c0", "c1"]
    assert [item.get("class") for item in errors.iter("circle")] == ["f1"]  # one evaluation is to be seen
    axes = [
        [(item.text, item.get("x")) for item in chart.iter("text") if item.get("text-anchor") == "middle"]
        for chart in (losses, errors)
    ]
    assert axes[0] == axes[1]
    assert [word for word, _ in axes[0]] == ["2", "4", "6", "8", "10", "12", "epoch"]
    (bars,) = charts(text, "Error by bodypart")
    assert [item.get("class") for item in bars.iter("rect")][:2] == ["f0", "f1"]
    cutoffs = charts(text, "Likelihood and error")
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


def test_a_video(project: Path, tracked: Path) -> None:
    (done,) = report(project, tracked).pages
    assert done.page == tracked.with_name(f"v{SCORER}_el_report.html")
    assert headings(done.page) == [
        "Timeline",
        "Possible identity swaps",
        "Suspicious frames",
        "Trajectories",
        "Confidence",
        "Speed",
        "Analysis",
    ]
    text = done.page.read_text(encoding="utf-8")
    assert re.search(r"frame 3[01]: ann snout jumps by 3[56] px", text)
    assert "frame 50: 2 of 4 points are confident" in text
    assert "57, 58, 59" in text
    assert "<span class=soft>unreadable frames</span><b>3</b>" in text
    assert "<td>ann</td><td class=n>95 %</td><td class=n>5.0 %</td><td class=n>0.90</td>" in text
    assert "Frame 12: ann and bob, score 0.75" in text
    with pytest.raises(DlcxError, match="no poses"):
        report(project, tracked, filtered=True)


#: What a reader would see of a page.
SEEN = """({
loaded: [...document.images].filter(image => image.complete && image.naturalWidth).length,
images: document.images.length, wide: document.documentElement.scrollWidth, window: innerWidth,
charts: [...document.querySelectorAll('svg')].filter(one => one.getClientRects().length).map(one => one.classList[0]),
})"""


def test_the_pages_in_a_browser(trained_project: Path, tracked: Path, tmp_path: Path) -> None:
    """Nothing is wider than the window, every picture is there, and charts are those drawn for its width."""
    pages = [*report(trained_project, tracked).pages, *report(trained_project).pages]
    with chromium(tmp_path / "browser") as browser:
        for width, drawn in ((400, "narrow"), (1280, "broad")):
            for made, charts in zip(pages, (set(), {drawn}), strict=True):  # the timeline stands for a video's charts
                browser.open(made.page, width)
                seen = browser.see(SEEN)
                assert seen["loaded"] == seen["images"] > 1
                assert seen["window"] == width
                assert seen["wide"] <= width, "the page is to be read without going sideways"
                assert set(seen["charts"]) == charts
        browser.open(pages[0].page)
        browser.call("Emulation.setEmulatedMedia", media="print")
        assert browser.see("getComputedStyle(document.querySelector('#timeline')).display") == "none"
        assert set(browser.see(SEEN)["charts"]) == {"broad"}
        assert not browser.complaints


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
    assert "no animal was detected" in text
    assert "No point has a likelihood of at least 0.6." in text
