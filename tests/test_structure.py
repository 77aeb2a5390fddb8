"""The tree as a whole: imports without cycles, one meaning per class name, functions of few parameters."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import networkx as nx

ROOT = Path(__file__).resolve().parents[1]
#: Parameters of a function; entry points for Python take typed keyword arguments (``Unpack``), which count as one.
MAX_PARAMETERS = 12


def modules() -> dict[str, ast.Module]:
    """Module names of the package and their syntax trees."""
    files = (ROOT / "dlcx").rglob("*.py")
    return {_name(path): ast.parse(path.read_text(encoding="utf-8")) for path in files}


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(tree: ast.AST, known: set[str]) -> Iterator[str]:
    """Modules of the package that the code imports when it runs, in functions too."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module in known:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in known else node.module
        yield from imports(node, known)


def test_no_modules_import_each_other_in_a_circle():
    trees = modules()
    graph = nx.DiGraph(
        (name, imported) for name, tree in trees.items() for imported in imports(tree, set(trees)) if imported != name
    )
    graph.remove_node("dlcx")  # it loads every command on first use, and modules ask it for the version
    assert [sorted(group) for group in nx.strongly_connected_components(graph) if len(group) > 1] == []


def test_a_class_name_has_one_meaning():
    places = defaultdict(list)
    for name, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(name)
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


def test_no_function_takes_many_parameters():
    long = {}
    for name, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                count = len(node.args.posonlyargs + node.args.args + node.args.kwonlyargs)
                if count > MAX_PARAMETERS:
                    long[f"{name}.{node.name}"] = count
    assert long == {}
