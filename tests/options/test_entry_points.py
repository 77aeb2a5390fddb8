"""Commands as Python functions: their keywords, documentation and errors."""

from __future__ import annotations

import inspect
import re

import pytest

import dlcx
from dlcx.errors import DlcxError
from dlcx.options.base import items
from dlcx.options.commands import options_of
from dlcx.options.commands.analyze_video import AnalyzeVideoOptions
from dlcx.options.entry_points import keyword_options, naming_flags, with_argument_names


@pytest.fixture(autouse=True)
def _errors_name_flags():
    """Let errors read as in Python."""


@pytest.mark.parametrize("command", dlcx.COMMANDS)
def test_a_function_shows_its_options(command):
    function = getattr(dlcx, command)
    shown = inspect.signature(function).parameters
    documented = re.split(r"\n(?:Returns|Raises)\n-+\n", inspect.getdoc(function))[0]
    for item in items(options_of(command)):
        assert item.name in shown
        if not item.is_required and item.name not in ("project", "videos"):
            assert item.checked(shown[item.name].default) == item.default
        assert re.search(rf"^[\w, ]*\b{item.name}\b", documented, re.MULTILINE), item.name
    assert documented.count("\nParameters\n") <= 1


def test_an_unknown_keyword_names_the_nearest():
    with pytest.raises(TypeError, match=r"analyze_video\(\) got an unexpected keyword.*Did you mean 'snapshot'"):
        dlcx.analyze_video("P", "v.mp4", snapshto="1")


@keyword_options(AnalyzeVideoOptions)
def failing(**given: object) -> None:
    raise DlcxError("--snapshot 7, --set-sbatch x: no", hint="Leave out --no-track, or run `dlcx train --shuffle 2`.")


def test_an_error_names_arguments_and_includes_the_hint():
    with pytest.raises(DlcxError) as told:
        failing()
    assert str(told.value) == ("snapshot 7, set_sbatch x: no\nLeave out track=False, or run `dlcx train --shuffle 2`.")
    with naming_flags(), pytest.raises(DlcxError) as told:
        failing()
    assert str(told.value) == "--snapshot 7, --set-sbatch x: no"


def test_flags_with_other_names_are_their_arguments():
    kind = options_of("create_labeled_video")
    assert with_argument_names("--bodypart x: --color-by, pre--fix, --other-thing", kind) == (
        "bodyparts x: color_by, pre--fix, other_thing"
    )
