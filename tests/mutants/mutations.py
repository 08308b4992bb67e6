"""All mutations of a module: their places, and the changed source of each."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

from tests.mutants.edits import Positions, first_that_parses
from tests.mutants.operators import EXPRESSIONS, SIZES, STATEMENTS, Change, Context, called
from tests.mutants.signatures import Function, Project

_LOGS = ("log", "_log", "logger", "logging")
_UNSEEN_CALLS = ("cast", "TypeVar", "ParamSpec", "NewType", "getLogger")
_TAKING_COLLECTIONS = ("isinstance", "issubclass", "startswith", "endswith", "frozenset", "set", "any", "all")
_UNSEEN_BASES = ("Protocol", "TypedDict")


@dataclass(frozen=True, slots=True)
class Place:
    """A statement: `scope` is the qualified name of its function or class, `lines` are its own, without its blocks.

    Outside of functions `names` are what a function would mention to make use of it.
    """

    scope: str = ""
    lines: range = range(0)
    names: frozenset[str] = frozenset()
    in_function: bool = False


@dataclass(frozen=True, slots=True)
class Mutation:
    path: str
    place: Place
    change: Change

    def mutant(self, source: str) -> str | None:
        """The whole changed module; None when it does not parse, or has not changed."""
        text = first_that_parses(source, self.change.edits)
        return None if text is None or text == source else text


def difference(path: str, source: str, mutant: str) -> str:
    """A unified diff."""
    before, after = source.splitlines(keepends=True), mutant.splitlines(keepends=True)
    return "".join(difflib.unified_diff(before, after, path, path, n=2))


def changed_lines(diff: str) -> tuple[str, ...]:
    """The lines that a diff removes and adds, without indentation: the same wherever they stand."""
    lines = [line for line in diff.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    return tuple(f"{line[0]} {line[1:].strip()}" for line in lines if line[1:].strip())


def mutations(path: str, source: str, project: Project) -> list[Mutation]:
    walk = _Walk(path, Positions(source), project)
    return list(walk.block(ast.parse(source).body, Place(), None, followed=False))


@dataclass(frozen=True, slots=True)
class _Walk:
    path: str
    positions: Positions
    project: Project

    def block(
        self, body: Sequence[ast.stmt], outer: Place, function: Function | None, followed: bool
    ) -> Iterator[Mutation]:
        for index, node in enumerate(body):
            if not _is_unseen(node, function):
                yield from self.statement(node, outer, function, followed or index + 1 < len(body))

    def statement(self, node: ast.stmt, outer: Place, function: Function | None, followed: bool) -> Iterator[Mutation]:
        place = _place(node, outer)
        context = Context(self.positions, self.project, PurePath(self.path).stem, function, followed)
        if not (isinstance(node, ast.If) and all(_is_log(each) for each in (*node.body, *node.orelse))):
            for change in _statement_changes(node, context):
                yield Mutation(self.path, place, change)
        if isinstance(node, Function):
            function, followed = node, False
        elif isinstance(node, ast.ClassDef):
            function, followed = None, False
        followed = followed or isinstance(node, ast.For | ast.While | ast.AsyncFor)
        below = replace(place, in_function=outer.in_function or isinstance(node, Function))
        for block in _blocks(node):
            yield from self.block(block, below, function, followed)


def _place(node: ast.stmt, outer: Place) -> Place:
    scope, names = outer.scope, outer.names
    if isinstance(node, Function | ast.ClassDef):
        scope = f"{scope}.{node.name}".lstrip(".")
        names |= {node.name}
    if not outer.in_function and isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        names |= {each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)}
    blocks = _blocks(node)
    first = min((block[0].lineno for block in blocks if block), default=(node.end_lineno or node.lineno) + 1)
    return Place(scope, range(node.lineno, max(first, node.lineno + 1)), frozenset(names), outer.in_function)


def _blocks(node: ast.stmt) -> list[list[ast.stmt]]:
    blocks = [getattr(node, name, []) for name in ("body", "orelse", "finalbody")]
    blocks += [part.body for name in ("handlers", "cases") for part in getattr(node, name, [])]
    return [block for block in blocks if block]


_OWN_FIELDS: dict[type[ast.AST], tuple[str, ...]] = {
    ast.arguments: ("defaults", "kw_defaults"),
    ast.FunctionDef: ("args",),
    ast.AsyncFunctionDef: ("args",),
    ast.For: ("iter",),
    ast.AsyncFor: ("iter",),
    ast.With: ("items",),
    ast.AsyncWith: ("items",),
    ast.withitem: ("context_expr",),
    ast.Match: ("subject", "cases"),
    ast.match_case: ("pattern", "guard"),
    ast.MatchMapping: (),
    ast.MatchClass: (),
    ast.MatchValue: (),
    ast.If: ("test",),
    ast.While: ("test",),
    ast.Assign: ("value",),
    ast.AnnAssign: ("value",),
    ast.AugAssign: ("value",),
    ast.Return: ("value",),
    ast.Expr: ("value",),
    ast.Raise: ("exc",),
    ast.Lambda: ("body",),
    ast.ClassDef: (),
    ast.Try: (),
    ast.TryStar: (),
    ast.Assert: (),
}
"""What belongs to a node but to none in its blocks, without annotations, targets and decorators; else all fields."""


def _children(node: ast.AST) -> Iterator[ast.AST]:
    for name in _OWN_FIELDS.get(type(node), node._fields):
        value = getattr(node, name, None)
        yield from (each for each in (value if isinstance(value, list) else [value]) if isinstance(each, ast.AST))


def _statement_changes(node: ast.stmt, context: Context) -> Iterator[Change]:
    for operator in STATEMENTS.get(type(node), ()):
        yield from operator(node, context)
    for child in _children(node):
        yield from _expression_changes(child, context, node)


def _expression_changes(node: ast.AST, context: Context, parent: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Call) and _is_unseen_call(node)):
        return
    if isinstance(node, ast.Attribute | ast.Name) and not isinstance(node.ctx, ast.Load):
        return
    if isinstance(node, ast.keyword) and node.arg in SIZES:
        return
    if not isinstance(node, ast.Tuple) or _is_collection(parent, context):
        for operator in EXPRESSIONS.get(type(node), ()):
            yield from operator(node, context)
    for child in _children(node):
        yield from _expression_changes(child, context, node)


def _is_collection(parent: ast.AST, context: Context) -> bool:
    """Whether a tuple stands where its length may vary; elsewhere none of its items can be missing."""
    match parent:
        case ast.Assign() | ast.AnnAssign() | ast.For():
            return context.function is None or isinstance(parent, ast.For)
        case ast.Compare(ops=[ast.In() | ast.NotIn()]) | ast.comprehension():
            return True
        case ast.Call():
            return called(parent) in _TAKING_COLLECTIONS
    return False


def _is_unseen(node: ast.stmt, function: Function | None) -> bool:
    """Whether only a reader, a type checker or a log sees the statement."""
    match node:
        case ast.Import() | ast.ImportFrom():
            return True
        case ast.Assign(targets=[ast.Name(id="__all__" | "__slots__")]):
            return True
        case ast.Assign(value=ast.Subscript(value=ast.Name(id="Callable"))):
            return True
        case ast.AnnAssign(annotation=annotation) if "TypeAlias" in ast.unparse(annotation):
            return True
        case ast.If(test=test) if ast.unparse(test) in ("TYPE_CHECKING", "__name__ == '__main__'"):
            return True
        case ast.ClassDef(bases=bases):
            return any(ast.unparse(base).partition("[")[0] in _UNSEEN_BASES for base in bases)
        case ast.Assign(targets=[ast.Name(id=name)]) if function is not None:
            return _is_only_logged(name, function)
    return _is_log(node)


def _is_log(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and _is_unseen_call(node.value)


def _is_unseen_call(node: ast.Call) -> bool:
    of_log = isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) in _LOGS
    return of_log or called(node) in _UNSEEN_CALLS


def _is_only_logged(name: str, function: Function) -> bool:
    logged = {
        id(each)
        for call in ast.walk(function)
        if isinstance(call, ast.Call) and _is_unseen_call(call)
        for each in ast.walk(call)
    }
    uses = [each for each in ast.walk(function) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)]
    return any(each.id == name for each in uses) and all(id(each) in logged for each in uses if each.id == name)
