"""Files for people who find, cite, report on and contribute to the project agree with the package."""

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml

import dlcx

ROOT = Path(__file__).parents[2]


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.fixture
def project() -> dict:
    return tomllib.loads(text_of("pyproject.toml"))


def pythons(project: dict) -> list[str]:
    """Minor versions of Python that the package says it supports, oldest first."""
    named = [name.removeprefix("Programming Language :: Python :: ") for name in project["project"]["classifiers"]]
    return sorted((name for name in named if name.startswith("3.")), key=lambda name: int(name.partition(".")[2]))


def releases() -> list[tuple[str, str]]:
    """Version and date of each release in the changelog, newest first."""
    return re.findall(r"^## (\d+\.\d+\.\d+) - (\d{4}-\d\d-\d\d)$", text_of("CHANGELOG.md"), re.MULTILINE)


def test_the_version_is_written_once(project: dict):
    assert "version" not in project["project"]
    assert project["tool"]["setuptools"]["dynamic"] == {"version": {"attr": "dlcx.__version__"}}
    assert metadata.version("dlcx") == dlcx.__version__


def test_citation_and_changelog_name_the_released_version():
    citation = yaml.safe_load(text_of("CITATION.cff"))
    assert (citation["version"], citation["date-released"]) == releases()[0]
    assert citation["version"] == dlcx.__version__


def test_changelog_lists_unreleased_changes_then_releases_newest_first():
    headings = re.findall(r"^## (.*)$", text_of("CHANGELOG.md"), re.MULTILINE)
    assert headings == ["Unreleased", *(f"{version} - {date}" for version, date in releases())]
    assert releases() == sorted(releases(), key=lambda release: tuple(map(int, release[0].split("."))), reverse=True)


def test_citation_and_package_name_the_same_authors_and_license(project: dict):
    citation = yaml.safe_load(text_of("CITATION.cff"))
    assert citation["authors"] == project["project"]["authors"] == [{"name": "dlcx developers"}]
    assert citation["license"] == project["project"]["license"]


def test_continuous_integration_tests_the_oldest_and_newest_python_on_each_system(project: dict):
    job = yaml.safe_load(text_of(".github/workflows/test.yml"))["jobs"]["test"]
    supported = pythons(project)
    assert project["project"]["requires-python"] == f">={supported[0]}"
    assert job["strategy"]["matrix"]["python"] == [supported[0], supported[-1]]
    assert {name.partition("-")[0] for name in job["strategy"]["matrix"]["os"]} == {"ubuntu", "macos", "windows"}
    assert job["steps"][-1]["run"] == "make test PYTHON=python"


def test_mypy_and_ruff_check_for_the_oldest_python(project: dict):
    oldest = pythons(project)[0]
    assert project["tool"]["mypy"]["python_version"] == oldest
    assert project["tool"]["ruff"]["target-version"] == "py" + oldest.replace(".", "")


def test_the_commit_hook_runs_what_the_tests_begin_with():
    (repository,) = yaml.safe_load(text_of(".pre-commit-config.yaml"))["repos"]
    (hook,) = repository["hooks"]
    assert (repository["repo"], hook["entry"]) == ("local", "make check")
    assert re.search(r"^test: check\b", text_of("Makefile"), re.MULTILINE)


def test_bug_reports_ask_for_the_output_of_doctor():
    form = yaml.safe_load(text_of(".github/ISSUE_TEMPLATE/bug.yml"))
    fields = {part["id"]: part for part in form["body"] if "id" in part}
    assert fields["doctor"]["validations"] == {"required": True}
    assert "`dlcx doctor`" in fields["doctor"]["attributes"]["label"]
    assert "doctor" in dlcx.COMMANDS
