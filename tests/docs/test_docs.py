"""Check that the documentation agrees with the code."""

import importlib.util
import json
import os
import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest

from dlcx import COMMANDS
from dlcx.cli.app import parser
from dlcx.cli.json_schemas import schemas

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
SCRIPTS = sorted((ROOT / "examples").glob("*.sh"))


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def calls(text: str) -> list[list[str]]:
    """Return the dlcx commands in shell code, as lists of arguments."""
    lines = text.replace("\\\n", " ").splitlines()
    found = [re.match(r"\s*(?:dlcx|step) ([a-z].*)", line.split(" #")[0]) for line in lines]
    return [shlex.split(match[1]) for match in found if match]


def inline_calls(page: Path) -> list[list[str]]:
    quoted = re.findall(r"`dlcx ([a-z][^`]*)`", page.read_text(encoding="utf-8"))
    return [shlex.split(text) for text in quoted if "COMMAND" not in text]


def load(script: str):
    """Import a script of docs as a module."""
    spec = importlib.util.spec_from_file_location(script, ROOT / "docs" / f"{script}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_for_package_indexes_needs_no_other_file():
    """A package index shows only this page, so its links must be absolute, and pyproject.toml must name it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    page = ROOT / project["readme"]
    targets = re.findall(r"\]\(([^)]*)\)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not target.startswith("https://")] == []
    assert len(blocks(page, "sh")) == 3


def test_the_extra_all_holds_every_feature():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    (everything,) = extras["all"]
    named = set(everything.removeprefix("dlcx[").removesuffix("]").split(","))
    empty_or_core = {"video", "kmeans"}
    assert named == set(extras) - {"dev", "docs", "all"} - empty_or_core


def test_json_schemas_are_current():
    module = load("json_output")
    assert module.PAGE.read_text(encoding="utf-8") == module.page(), "run: python docs/json_output.py"
    assert json.loads(module.SCHEMAS.read_text(encoding="utf-8")) == schemas()


def test_command_reference_is_current():
    module = load("command_reference")
    assert module.PAGE.read_text(encoding="utf-8") == module.page(), "run: python docs/command_reference.py"


# test_adding_a_command.py makes the calls of the page whose command does not exist.
@pytest.mark.parametrize(
    "page", [*(page for page in PAGES if page.stem != "adding-a-command"), *SCRIPTS], ids=lambda page: page.name
)
def test_commands_and_flags_exist(page: Path):
    program = parser()
    shell = page.read_text(encoding="utf-8") if page.suffix == ".sh" else "\n".join(blocks(page, "sh"))
    for words in [*calls(shell), *(inline_calls(page) if page.suffix == ".md" else [])]:
        name, *rest = words
        assert name.replace("-", "_") in COMMANDS, f"{page.name}: no command {name}"
        known = {option for param in program.commands[name].params for option in param.opts + param.secondary_opts}
        flags = [word.split("=")[0] for word in rest if word.startswith("-") and not word.startswith("-1")]
        assert set(flags) <= known | {"--help"}, f"{page.name}: dlcx {' '.join(words)}"


@pytest.mark.posix
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_examples_are_shell_scripts(script: Path):
    subprocess.run(["bash", "-n", str(script)], check=True)
    assert os.access(script, os.X_OK)


@pytest.mark.posix
@pytest.mark.parametrize("name", ["two-flies", "top-down", "buctd", "fine-tune"])
def test_calls_of_an_example_can_be_parsed(name: str, tmp_path: Path):
    """Run the script with a dlcx that only records its arguments, and parse these."""
    stand_in = tmp_path / "dlcx"
    stand_in.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" --end-of-call >> {tmp_path}/calls\n", encoding="utf-8")
    stand_in.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PROJECT": str(tmp_path), "WEIGHTS": "none"}
    subprocess.run([str(ROOT / "examples" / f"{name}.sh")], check=True, env=environment)
    program = parser()
    made = (tmp_path / "calls").read_text(encoding="utf-8").split("--end-of-call\n")[:-1]
    assert [call.split("\n")[0] for call in made][:2] == ["create-dataset", "train"]
    for call in made:
        command, *rest = call.split("\n")[:-1]
        program.commands[command].make_context(command, rest)


#: A queue that runs jobs immediately, array tasks one after another, and requeues tasks on request.
SBATCH = """#!/bin/sh
echo "sbatch $*" >> HERE/queue
ids=none
for word; do case $word in
    --array=*) ids=$(seq 1 "${word#--array=1-}");;
    --dependency=*) ids=;;
    --*) ;;
    *) break;;
esac; shift; done
if [ -z "$ids" ]; then exec "$@"; fi
for id in $ids; do
    export SLURM_ARRAY_JOB_ID=17 SLURM_ARRAY_TASK_ID=$id
    "$@" >&2
    while [ -f HERE/again ]; do rm HERE/again; "$@" >&2; done
done
echo "17;cluster"
"""
SCONTROL = """#!/bin/sh
echo "scontrol $*" >> HERE/queue
touch HERE/again
"""
#: Records its arguments; the first run of the second part is stopped by the time limit.
DLCX = """#!/bin/sh
echo "$*" >> HERE/calls
case "$*" in *"--part 2/3"*) [ -f HERE/tried ] || { touch HERE/tried; exit 75; };; esac
[ ! -f HERE/broken ] || exit 3
"""


@pytest.fixture
def queue(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """Return a folder with stand-ins for SLURM's programs and dlcx, and an environment that uses them."""
    for name, text in {"sbatch": SBATCH, "scontrol": SCONTROL, "srun": '#!/bin/sh\nexec "$@"\n', "dlcx": DLCX}.items():
        (tmp_path / name).write_text(text.replace("HERE", str(tmp_path)), encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    names = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PROJECT": str(tmp_path), "PARTS": "3", "SHUFFLE": "2"}
    return tmp_path, names


def test_parts_of_an_array_are_analyzed_and_merged(queue: tuple[Path, dict[str, str]]):
    folder, environment = queue
    script = ROOT / "examples" / "slurm-array.sh"
    subprocess.run([str(script), "a.mp4", "b c.mp4"], check=True, env=environment, timeout=300)
    calls = (folder / "calls").read_text(encoding="utf-8").splitlines()
    parts = [f"analyze-video a.mp4 b c.mp4 --shuffle 2 --part {part}/3" for part in (1, 2, 2, 3)]
    assert calls == [*parts, "merge-parts a.mp4 b c.mp4 --shuffle 2"]
    program = parser()
    for call in calls:
        name, *rest = call.split()
        program.commands[name].make_context(name, rest)
    lines = (folder / "queue").read_text(encoding="utf-8").splitlines()
    assert [line.split()[0] for line in lines] == ["sbatch", "scontrol", "sbatch"]
    assert "--array=1-3" in lines[0]
    assert lines[1] == "scontrol requeue 17_2"
    assert "--dependency=afterany:17 " in lines[2]


def test_a_failed_part_fails_its_job(queue: tuple[Path, dict[str, str]]):
    folder, environment = queue
    (folder / "broken").touch()
    job = environment | {"STEP": "analyze", "SLURM_ARRAY_TASK_ID": "1", "SLURM_ARRAY_JOB_ID": "17"}
    script = ROOT / "examples" / "slurm-array.sh"
    assert subprocess.run([str(script), "a.mp4"], env=job, timeout=300).returncode == 3
    assert not (folder / "queue").exists()
    assert subprocess.run([str(script)], env=environment, timeout=300, capture_output=True).returncode == 2


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path):
    for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_make_targets_of_the_pages_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for page in PAGES:
        for target in re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{page.name}: make {target}"


def test_example_of_a_new_family_is_valid():
    code = blocks(ROOT / "docs" / "adding-a-network.md", "python")[0]
    names: dict = {}
    exec(compile(code, "adding-a-network.md", "exec"), names)
    family = names["FAMILY"]
    from dlcx.nets.registry import NetContext
    from dlcx.poses import Layout

    config = family.nets[0].configure("tiny_64", NetContext(Layout(("nose", "tail"))))
    assert config["model"]["backbone"]["type"] in family.backbones
    assert config["model"]["heads"]["bodypart"]["type"] == "HeatmapHead"


def test_tables_of_networks_are_those_of_list_models():
    from dlcx.workflow.list_models import list_models

    module = load("models_table")
    text = module.PAGE.read_text(encoding="utf-8")
    assert text == module.page(text), "run: python docs/models_table.py"
    for model in list_models().models:
        rows = [
            line for line in text.splitlines() if line.startswith((f"| `{model.name}` |", f"| `{model.name}`, or "))
        ]
        assert len(rows) == 1, model.name
        assert model.suits in rows[0]
        assert all(f"`{alias}`" in rows[0] for alias in model.aliases)


def test_networks_that_are_recommended_exist():
    from dlcx.nets.registry import find

    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for name in re.findall(r"`((?:resnet|hrnet|cspnext|dekr|dlcrnet|rtmpose|ctd|top_down)_[a-z0-9_]+)`", text):
            assert find(name).name, f"{page.name}: {name}"


def test_keywords_of_the_functions_are_current():
    module = load("option_keywords")
    assert module.MODULE.read_text(encoding="utf-8") == module.module(), "run: python docs/option_keywords.py"
