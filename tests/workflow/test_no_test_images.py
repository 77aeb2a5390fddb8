"""Networks that were trained on all labeled images, as labs do for the one that they then use."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from dlcx.errors import DlcxError
from dlcx.formats.project_config import open_project
from dlcx.formats.shuffles.splits import Split
from dlcx.formats.shuffles.training_set import write_documentation
from dlcx.workflow.compare import compare
from dlcx.workflow.evaluate import evaluate
from dlcx.workflow.report import report
from dlcx.workflow.status import status


@pytest.fixture
def project(trained_project: Path) -> Path:
    path = open_project(trained_project).shuffle(1).documentation_path
    write_documentation([], Split(np.arange(8), np.arange(0), 1.0), path)
    return trained_project


def test_report_shows_the_training_images_and_says_so(project):
    (evaluated,) = evaluate(project).evaluated
    (told,) = report(project).pages
    text = told.page.read_text(encoding="utf-8")
    assert "There are no test images: errors refer to the training images." in text
    assert "the page cannot show how it performs on new images" in text
    assert "Largest errors on training images" in text
    assert "of the test images" not in text
    assert f"{evaluated.train.rmse:.2f} px" in text
    assert "8 + 0" in text
    assert len(set(re.findall(r"img\d+\.png: [\d.]+ px", text))) == 8


def test_status_does_not_recommend_evaluate_once_it_is_evaluated(project):
    def shuffle():
        return next(one for one in status(project).shuffles if one.shuffle == 1)

    assert not shuffle().evaluated
    evaluate(project)
    assert (shuffle().evaluated, shuffle().error, shuffle().test_images) == (True, None, 0)
    assert any("no test image" in line for line in status(project).lines())
    assert not status(project).next_steps[0].startswith("Next: dlcx evaluate")


def test_status_counts_an_evaluation_that_found_no_keypoint(project):
    """The error is empty then, as it is without test images."""
    path = open_project(project).combined_results_path
    path.parent.mkdir(parents=True, exist_ok=True)
    head = "%Training dataset,Shuffle number,Training epochs,Detector epochs (TD only),pcutoff,train rmse,test rmse"
    path.write_text(f"{head}\n0.75,1,10,-1,0.6,,\n")
    shuffle = next(one for one in status(project).shuffles if one.shuffle == 1)
    assert (shuffle.evaluated, shuffle.error) == (True, None)


def test_compare_says_which_shuffle_has_no_test_image(project):
    open_project(project).shuffle(1).snapshot_path(20).write_bytes(b"weights")
    with pytest.raises(DlcxError, match="shuffle 1 has no test image: it was trained on all images"):
        compare(project, ["1:10", "1:20"])
