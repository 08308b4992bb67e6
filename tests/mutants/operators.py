"""The changes that are tried in one expression or statement."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

from tests.mutants.edits import Edit, Positions, Spanned, changed, fewer
from tests.mutants.signatures import Function, Project

_SWAPPED_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.Is: "is not",
    ast.IsNot: "is",
    ast.In: "not in",
    ast.NotIn: "in",
}
_SWAPPED_NAMES = {"min": "max", "max": "min", "any": "all", "all": "any"}
_ORDERS = ("sorted", "reversed")
_NORMALIZATIONS = ("strip", "lstrip", "rstrip", "lower", "upper", "casefold")
_UNTOLD_ARGUMENTS = {
    "Thread": ("name", "daemon"),
    "ThreadPoolExecutor": ("thread_name_prefix",),
    "create_task": ("name",),
    "Field": ("description", "title", "examples", "repr"),
    "ConfigDict": ("frozen", "title"),
    "zip": ("strict",),
}
"""What no caller can see, or only in documentation."""

_WHOLE = ("timedelta", "Conflict")
"""Nothing is dropped of a duration, nor of an error whose argument only makes its text."""

SIZES = ("limit", "maxlen", "maxsize", "max_workers", "timeout")
"""Arguments that are measures: another is as good, and so is the usual one."""

_LARGE = 20
"""From here on an integer is halved rather than raised by one: one more of many makes no difference to anybody."""


@dataclass(frozen=True, slots=True)
class Change:
    """The first of several edits whose result parses."""

    kind: str
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class Context:
    """What an operator must know beside its node."""

    positions: Positions
    project: Project
    module: str
    function: Function | None
    followed: bool
    """Whether the function goes on after this statement."""

    def replace(self, kind: str, node: Spanned, new: ast.AST | str) -> Change:
        return Change(kind, (self.positions.replacing(node, new),))

    def without(self, kind: str, whole: Spanned, items: list[Any], index: int, shorter: ast.AST) -> Change:
        return Change(
            kind, (self.positions.without(items, index), self.positions.replacing(whole, _bracketed(shorter)))
        )


Operator: TypeAlias = Callable[[Any, Context], Iterable[Change]]


def called(node: ast.Call) -> str:
    """The last name of what is called."""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _bracketed(node: ast.AST) -> str:
    text = ast.unparse(node)
    return f"({text})" if isinstance(node, ast.BoolOp | ast.IfExp | ast.Compare | ast.BinOp | ast.UnaryOp) else text


def _arguments(node: ast.Call, context: Context) -> Iterator[Change]:
    """Drop an optional keyword argument, or the last positional one; but no text, which is for readers."""
    name = called(node)
    if name in _WHOLE:
        return
    items: list[ast.expr | ast.keyword] = sorted([*node.args, *node.keywords], key=context.positions.start)
    for index, keyword in enumerate(node.keywords):
        if keyword.arg is None or (
            keyword.arg not in (*SIZES, *_UNTOLD_ARGUMENTS.get(name, ()))
            and context.project.may_lack_keyword(node, keyword.arg, context.module)
        ):
            yield context.without("drop an argument", node, items, items.index(keyword), fewer(node, index, "keywords"))
    if any(isinstance(each, ast.Starred) for each in node.args) or not node.args or _is_text(node.args[-1]):
        return
    if context.project.may_lack_last(node, context.module):
        last = len(node.args) - 1
        yield context.without("drop an argument", node, items, items.index(node.args[last]), fewer(node, last, "args"))


def _calls(node: ast.Call, context: Context) -> Iterator[Change]:
    name = called(node)
    if isinstance(node.func, ast.Name) and name in _SWAPPED_NAMES:
        yield context.replace(f"swap {name} for {_SWAPPED_NAMES[name]}", node.func, _SWAPPED_NAMES[name])
    if isinstance(node.func, ast.Name) and name in _ORDERS and node.args:
        yield context.replace("drop an order", node, node.args[0])
    if isinstance(node.func, ast.Attribute) and name in _NORMALIZATIONS:
        yield context.replace("drop a normalization", node, _bracketed(node.func.value))


def _elements(node: ast.List | ast.Tuple | ast.Set, context: Context) -> Iterator[Change]:
    """Drop an element; swap two neighbours where the order was written down as a table."""
    if isinstance(node, ast.Set) and len(node.elts) == 1:
        return
    for index in range(len(node.elts)):
        if isinstance(node, ast.Tuple) and len(node.elts) == 2:  # what is left needs a comma
            yield context.replace("drop an element", node, fewer(node, index, "elts"))
        else:
            yield context.without("drop an element", node, node.elts, index, fewer(node, index, "elts"))
    if context.function is None and not isinstance(node, ast.Set):
        yield from _swapped(node.elts, context)


def _swapped(items: list[ast.expr], context: Context) -> Iterator[Change]:
    for left, right in pairwise(items):
        pair = f"{ast.unparse(right)}, {ast.unparse(left)}"
        start, end = context.positions.start(left), context.positions.end(right)
        yield Change("swap two entries", (Edit(start, end, pair),))


def _entries(node: ast.Dict, context: Context) -> Iterator[Change]:
    """Drop an entry; those that `**` adds have no place of their own."""
    positions = context.positions
    for index, key in enumerate(node.keys):
        whole = positions.replacing(node, fewer(node, index, "keys", "values"))
        following = node.keys[index + 1] if index + 1 < len(node.keys) else None
        if key is None or (index and following is None and node.keys[index - 1] is None):
            yield Change("drop an entry", (whole,))
        elif following is not None:
            yield Change("drop an entry", (Edit(positions.start(key), positions.start(following), ""), whole))
        else:
            start = positions.end(node.values[index - 1]) if index else positions.start(key)
            yield Change("drop an entry", (Edit(start, positions.end(node.values[index]), ""), whole))


def _operands(node: ast.BoolOp, context: Context) -> Iterator[Change]:
    """Drop an operand, or use `and` for `or`."""
    for index in range(len(node.values)):
        shorter = fewer(node, index, "values") if len(node.values) > 2 else node.values[1 - index]
        yield context.without("drop an operand", node, node.values, index, shorter)
    other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    word = " or " if isinstance(other, ast.Or) else " and "
    whole = context.positions.replacing(node, _bracketed(changed(node, op=other)))
    between = [context.positions.between(left, right, word) for left, right in pairwise(node.values)]
    yield Change("swap and for or", (*(between if len(between) == 1 else ()), whole))


def _unary(node: ast.UnaryOp, context: Context) -> Iterator[Change]:
    if isinstance(node.op, ast.Not):
        yield context.replace("drop not", node, _bracketed(node.operand))


def _comparisons(node: ast.Compare, context: Context) -> Iterator[Change]:
    for left, operator, right in zip([node.left, *node.comparators], node.ops, node.comparators, strict=False):
        text = f" {_SWAPPED_COMPARISONS[type(operator)]} "
        sides = [_bracketed(left), _bracketed(right)]
        edits = [context.positions.between(left, right, text)]
        if len(node.ops) == 1:
            edits.append(context.positions.replacing(node, text.join(sides)))
        moves = isinstance(operator, ast.Lt | ast.LtE | ast.Gt | ast.GtE)
        yield Change("move a boundary" if moves else "turn a comparison", tuple(edits))


def _constants(node: ast.Constant, context: Context) -> Iterator[Change]:
    if isinstance(node.value, bool):
        yield context.replace("swap True for False", node, str(not node.value))
    elif isinstance(node.value, int):
        is_measure = context.function is None or node.value >= _LARGE
        other = node.value + 1 if node.value < _LARGE else node.value // 2
        yield context.replace("change a measure" if is_measure else "change an integer", node, str(other))


def _conditionals(node: ast.IfExp, context: Context) -> Iterator[Change]:
    for branch in (node.body, node.orelse):
        yield context.replace("drop a choice", node, _bracketed(branch))


def _sums(node: ast.BinOp, context: Context) -> Iterator[Change]:
    """Swap + and -; drop one side of a union."""
    if any(_is_text(side) for side in (node.left, node.right)):
        return
    if isinstance(node.op, ast.Add | ast.Sub):
        text = " - " if isinstance(node.op, ast.Add) else " + "
        yield Change("swap + for -", (context.positions.between(node.left, node.right, text),))
    if isinstance(node.op, ast.BitOr):
        for side in (node.left, node.right):
            yield context.replace("drop a side of a union", node, _bracketed(side))


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _slices(node: ast.Subscript, context: Context) -> Iterator[Change]:
    if isinstance(node.slice, ast.Slice):
        yield context.replace("drop a slice", node, _bracketed(node.value))


def _conditions(
    node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp, context: Context
) -> Iterator[Change]:
    """Drop a condition of a comprehension."""
    for generator in node.generators:
        for condition in generator.ifs:
            yield context.replace("drop a condition", condition, "True")


def _members(node: ast.Attribute, context: Context) -> Iterator[Change]:
    """Take the next member of an enumeration."""
    owner = node.value.id if isinstance(node.value, ast.Name) else ""
    members = context.project.members.get(owner, [])
    if node.attr in members and len(members) > 1:
        following = members[(members.index(node.attr) + 1) % len(members)]
        yield context.replace("take another member", node, f"{owner}.{following}")


def _alternatives(node: ast.MatchOr, context: Context) -> Iterator[Change]:
    for index in range(len(node.patterns)):
        shorter = fewer(node, index, "patterns") if len(node.patterns) > 2 else node.patterns[1 - index]
        yield context.without("drop an alternative", node, node.patterns, index, shorter)


LAST = (
    "drop not",
    "negate a condition",
    "return nothing",
    "return the opposite",
    "swap and for or",
    "turn a comparison",
    # Nobody may depend on:
    "change a measure",
    "swap two entries",
)
"""Kinds that tell least: those first that any test of the function notices, be it ever so careless."""

EXPRESSIONS: dict[type[ast.AST], tuple[Operator, ...]] = {
    ast.Call: (_arguments, _calls),
    ast.List: (_elements,),
    ast.Tuple: (_elements,),
    ast.Set: (_elements,),
    ast.Dict: (_entries,),
    ast.BoolOp: (_operands,),
    ast.UnaryOp: (_unary,),
    ast.Compare: (_comparisons,),
    ast.Constant: (_constants,),
    ast.IfExp: (_conditionals,),
    ast.BinOp: (_sums,),
    ast.Subscript: (_slices,),
    ast.ListComp: (_conditions,),
    ast.SetComp: (_conditions,),
    ast.DictComp: (_conditions,),
    ast.GeneratorExp: (_conditions,),
    ast.Attribute: (_members,),
    ast.MatchOr: (_alternatives,),
}


def _deletion(node: ast.stmt, context: Context) -> Iterator[Change]:
    yield context.replace("delete a statement", node, "pass")


def _statement_of_call(node: ast.Expr, context: Context) -> Iterator[Change]:
    if isinstance(node.value, ast.Call | ast.Await):
        yield from _deletion(node, context)


def _assignments(node: ast.Assign | ast.AnnAssign, context: Context) -> Iterator[Change]:
    if context.function is not None and _can_be_missing(node, context.function):
        yield from _deletion(node, context)


def _can_be_missing(node: ast.Assign | ast.AnnAssign, function: Function) -> bool:
    """A field of something that is already there, or a variable that has a value already."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if node.value else []
    if all(isinstance(target, ast.Attribute | ast.Subscript) for target in targets):
        return bool(targets) and function.name != "__init__"
    names = {target.id for target in targets if isinstance(target, ast.Name)}
    earlier = {
        each.id
        for each in ast.walk(function)
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store) and each.lineno < node.lineno
    }
    earlier |= {each.arg for each in (*function.args.args, *function.args.kwonlyargs)}
    return bool(names) and names <= earlier


_NOTHING = {"list": "[]", "Sequence": "[]", "dict": "{}", "Mapping": "{}", "set": "set()", "tuple": "()"}


def _turns(node: ast.Continue | ast.Break, context: Context) -> Iterator[Change]:
    yield context.replace("swap continue for break", node, "break" if isinstance(node, ast.Continue) else "continue")
    yield from _deletion(node, context)


def _returns(node: ast.Return, context: Context) -> Iterator[Change]:
    """Go on; return nothing where the caller has to expect it; return the opposite."""
    returns = context.function.returns if context.function else None
    if context.followed:
        yield context.replace("go on instead of returning", node, "pass")
    if node.value is None or returns is None or isinstance(node.value, ast.Constant):
        return
    annotation = ast.unparse(returns)
    if annotation.endswith("| None"):
        yield context.replace("return nothing", node.value, "None")
    if annotation == "bool" and not isinstance(node.value, ast.Compare | ast.BoolOp | ast.UnaryOp):
        yield context.replace("return the opposite", node.value, f"not {_bracketed(node.value)}")
    nothing = _NOTHING.get(annotation.partition("[")[0])
    if nothing and ast.unparse(node.value) != nothing:
        yield context.replace("return nothing", node.value, nothing)


def _choices(node: ast.If, context: Context) -> Iterator[Change]:
    """Negate a condition that has no operator to swap."""
    if not isinstance(node.test, ast.Compare | ast.BoolOp | ast.UnaryOp):
        yield context.replace("negate a condition", node.test, f"not {_bracketed(node.test)}")


def _handlers(node: ast.Try | ast.TryStar, context: Context) -> Iterator[Change]:
    for handler in node.handlers:
        if handler.type is not None and not isinstance(handler.type, ast.Tuple):
            yield context.replace("do not catch", handler.type, "()")


def _caught(node: ast.Try | ast.TryStar, context: Context) -> Iterator[Change]:
    for handler in node.handlers:
        if isinstance(handler.type, ast.Tuple):
            for index, _ in enumerate(handler.type.elts):
                yield context.replace("catch one kind less", handler.type, fewer(handler.type, index, "elts"))


STATEMENTS: dict[type[ast.stmt], tuple[Operator, ...]] = {
    ast.Expr: (_statement_of_call,),
    ast.Delete: (_deletion,),
    ast.AugAssign: (_deletion,),
    ast.Assign: (_assignments,),
    ast.AnnAssign: (_assignments,),
    ast.Raise: (_deletion,),
    ast.Continue: (_turns,),
    ast.Break: (_turns,),
    ast.Return: (_returns,),
    ast.If: (_choices,),
    ast.Try: (_handlers, _caught),
    ast.TryStar: (_handlers, _caught),
}
