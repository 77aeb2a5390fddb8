"""Small faults in the source of dlcx, one at a time: changed comparisons, constants, operators, and dropped calls."""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

COMPARISONS = {
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.In: "not in",
    ast.NotIn: "in",
    ast.Is: "is not",
    ast.IsNot: "is",
}
OPERATORS = {ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.Div: "*", ast.FloorDiv: "*", ast.Mod: "*"}
#: Calls whose absence no result shows: they only inform.
INFORM = {"debug", "info", "warning", "error", "hint", "print", "note", "say", "set_description", "advance"}


@dataclass(frozen=True)
class Fault:
    """One change of one file: ``source[start:end]`` becomes ``new``."""

    path: str
    line: int
    kind: str
    start: int
    end: int
    old: str
    new: str

    @property
    def name(self) -> str:
        """The fault in one line, the same in every run while the source stays."""
        return f"{self.path}:{self.line} {self.kind}: {_short(self.old)} -> {_short(self.new)}"

    def apply(self, source: str) -> str:
        """The source with the fault in it."""
        return source[: self.start] + self.new + source[self.end :]


def _short(text: str) -> str:
    return " ".join(text.split())[:60] or "(nothing)"


def faults_of(path: Path, root: Path) -> list[Fault]:
    """Every fault this module knows for a file of ``dlcx/``."""
    source = path.read_text(encoding="utf-8")
    finder = _Finder(str(path.relative_to(root)), source)
    finder.visit(ast.parse(source))
    return finder.found


def sample(root: Path, count: int, seed: int) -> list[Fault]:
    """Faults over all packages, each package by its share of the lines, at least three of each; the same for a seed."""
    packages: dict[str, list[Path]] = {}
    for path in sorted((root / "dlcx").rglob("*.py")):
        parts = path.relative_to(root / "dlcx").parts
        packages.setdefault(parts[0] if len(parts) > 1 else "(root)", []).append(path)
    lines = {name: sum(len(path.read_text("utf-8").splitlines()) for path in files) for name, files in packages.items()}
    draw = random.Random(seed)
    chosen: list[Fault] = []
    for name, files in sorted(packages.items()):
        wanted = max(3, round(count * lines[name] / sum(lines.values())))
        chosen += _spread(files, root, wanted, draw)
    return chosen


def _spread(files: Sequence[Path], root: Path, wanted: int, draw: random.Random) -> Iterator[Fault]:
    """One fault of a file, then one of another file, until enough are found."""
    order = draw.sample(list(files), len(files))
    for path in (order * (wanted // len(order) + 1))[: wanted * 3]:
        if wanted and (faults := faults_of(path, root)):
            wanted -= 1
            yield draw.choice(faults)


class _Finder(ast.NodeVisitor):
    """Collects the faults of one file; skips annotations, messages and everything that runs only for type checkers."""

    def __init__(self, path: str, source: str) -> None:
        self.path, self.source = path, source
        self.found: list[Fault] = []
        starts = [0]
        for line in source.splitlines(keepends=True):
            starts.append(starts[-1] + len(line))
        self.starts = starts
        self.lines = source.splitlines(keepends=True)

    def _at(self, line: int, column: int) -> int:
        """The position in the source of a column that ast counts in bytes of UTF-8."""
        return self.starts[line - 1] + len(self.lines[line - 1].encode()[:column].decode())

    def _span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self._at(node.lineno, node.col_offset), self._at(node.end_lineno, node.end_col_offset)

    def _add(self, node: ast.expr | ast.stmt, kind: str, start: int, end: int, new: str) -> None:
        self.found.append(Fault(self.path, node.lineno, kind, start, end, self.source[start:end], new))

    def _between(self, left: ast.expr, right: ast.expr, kind: str, new: str, symbol: str) -> None:
        start, end = self._span(left)[1], self._span(right)[0]
        middle = self.source[start:end]
        if middle.count(symbol) == 1 and "#" not in middle:
            at = start + middle.index(symbol)
            self._add(left, kind, at, at + len(symbol), new)

    def visit_If(self, node: ast.If) -> None:
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return
        self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        """Messages are not changed."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        for default in [*node.args.defaults, *filter(None, node.args.kw_defaults)]:
            self.visit(default)
        for statement in node.body:
            self.visit(statement)

    def visit_Compare(self, node: ast.Compare) -> None:
        if len(node.ops) == 1:
            symbols = {ast.In: "in", ast.NotIn: "not in", ast.Is: "is", ast.IsNot: "is not"}
            old = symbols.get(type(node.ops[0])) or {
                ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
            }[type(node.ops[0])]  # fmt: skip
            self._between(node.left, node.comparators[0], "comparison", COMPARISONS[type(node.ops[0])], old)
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        texts = (ast.JoinedStr, ast.Constant)
        is_text = any(isinstance(side, texts) and not _is_number(side) for side in (node.left, node.right))
        if type(node.op) in OPERATORS and not is_text:
            old = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%"}
            self._between(node.left, node.right, "operator", OPERATORS[type(node.op)], old[type(node.op)])
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        self._between(node.values[0], node.values[1], "boolean", f" {new} ", f" {old} ")
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            start, _ = self._span(node)
            self._add(node, "negation", start, self._span(node.operand)[0], "")
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        start, end = self._span(node)
        if isinstance(node.value, bool):
            self._add(node, "constant", start, end, str(not node.value))
        elif _is_number(node):
            changed = node.value + 1 if isinstance(node.value, int) else node.value * 10 or 1.0
            self._add(node, "constant", start, end, repr(changed))

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Messages are not changed."""

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Call) and _called(node.value) not in INFORM:
            self._add(node, "dropped call", *self._span(node), "pass")
        self.generic_visit(node)


def _is_number(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool)


def _called(call: ast.Call) -> str:
    return getattr(call.func, "attr", getattr(call.func, "id", ""))
