"""The documentation site: every page is in its navigation, and the pages on the code name what exists."""

from __future__ import annotations

import importlib
import re
import tomllib
from pathlib import Path

import pytest

import dlcx

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def fenced(page: str, language: str) -> list[str]:
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{re.escape(language)}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def layers() -> list[str]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return settings["tool"]["importlinter"]["contracts"][0]["layers"]


def test_the_navigation_lists_every_page_once():
    listed = [line for tree in fenced("index.md", "{toctree}") for line in tree.split("\n") if line and line[0] != ":"]
    pages = {page.stem for page in DOCS.glob("*.md")} - {"index", "index-page"}
    assert sorted(listed) == sorted(pages)


def test_the_architecture_page_shows_the_layers_that_are_checked():
    (shown,) = fenced("architecture.md", "text")
    assert shown.split("\n")[:-1] == layers()
    packages = {path.parent.name for path in (ROOT / "dlcx").glob("*/__init__.py")}
    assert packages <= {name for line in layers() for name in line.split(" | ")}


def test_everything_that_the_architecture_page_names_exists():
    page = (DOCS / "architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(dlcx(?:\.\w+)+)`", page))
    assert len(named) > 20
    for name in sorted(named):
        assert exists(name), name
    for cell in re.findall(r"^\|.*\|$", page, re.MULTILINE):
        for package in re.findall(r"`([a-z_]+)`", cell):
            assert exists(f"dlcx.{package}"), package


def exists(name: str) -> bool:
    """Whether a dotted name leads to a module, a class or a function."""
    try:
        importlib.import_module(name)
        return True
    except ModuleNotFoundError:
        module, _, attribute = name.rpartition(".")
        return bool(module) and hasattr(importlib.import_module(module), attribute)


def test_names_that_do_not_exist_are_found():
    assert not exists("dlcx.poses.NoSuchClass")
    assert not exists("dlcx.no_such_package")


@pytest.mark.parametrize("name", [*dlcx.COMMANDS, *dlcx.NAMES])
def test_the_python_reference_has_every_function(name):
    assert f"\n.. autofunction:: dlcx.{name}\n" in (DOCS / "python-api.md").read_text(encoding="utf-8")
