"""Which arguments of the project's functions and classes are optional, and the members of its enumerations."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef

_STANDARD = {"get": 1, "getattr": 2, "next": 1, "pop": 1, "setdefault": 1, "suppress": 0}
"""Functions of the standard library: how many arguments they must have."""


@dataclass(frozen=True, slots=True)
class Signature:
    """`required` counts the arguments by position that have no default; `optional` names those that have one."""

    required: int
    optional: frozenset[str]
    takes_any: bool = False


@dataclass
class Project:
    """Signatures by name, and by module and name: `customers.read`."""

    signatures: dict[str, list[Signature]] = field(default_factory=lambda: defaultdict(list))
    members: dict[str, list[str]] = field(default_factory=dict)

    def of(self, function: ast.expr, module: str) -> list[Signature]:
        """The functions that a call in a module may mean: its own, another module's, else any of that name."""
        owner, name = module, _name(function)
        if isinstance(function, ast.Attribute):
            owner = _name(function.value)
        return self.signatures.get(f"{owner}.{name}") or self.signatures.get(name, [])

    def may_lack_keyword(self, call: ast.Call, name: str, module: str) -> bool:
        """True for functions of others, too; what is then refused as incomplete counts as no mutant."""
        signatures = self.of(call.func, module)
        return not signatures or any(name in each.optional or each.takes_any for each in signatures)

    def may_lack_last(self, call: ast.Call, module: str) -> bool:
        """Whether the call has more arguments by position than it must have."""
        required = [each.required for each in self.of(call.func, module)]
        if not required and _name(call.func) in _STANDARD:
            required = [_STANDARD[_name(call.func)]]
        return any(len(call.args) > each for each in required)


def read(sources: Iterable[tuple[str, str]]) -> Project:
    """The signatures in sources with the names of their modules, which need not differ."""
    classes: dict[str, ast.ClassDef] = {}
    project = Project()
    for module, source in sources:
        tree = ast.parse(source)
        classes |= {node.name: node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
        functions = [node for node in ast.walk(tree) if isinstance(node, Function)]
        for function in functions:
            names = [function.name, *([f"{module}.{function.name}"] if function in tree.body else [])]
            for name in names:
                project.signatures[name].append(_of_function(function))
    for name, node in classes.items():
        if any(base.endswith("Enum") for base in _bases(node)):
            project.members[name] = [target.id for target in _assigned(node)]
        else:
            project.signatures[name].append(_of_class(node, classes))
    return project


def _of_function(node: Function) -> Signature:
    positional = [each.arg for each in (*node.args.posonlyargs, *node.args.args)]
    bound = bool(positional) and positional[0] in ("self", "cls")
    first_optional = len(positional) - len(node.args.defaults)
    by_name = [
        each.arg
        for each, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
        if default is not None
    ]
    optional = frozenset((*positional[first_optional:], *by_name))
    return Signature(first_optional - bound, optional, node.args.kwarg is not None)


def _of_class(node: ast.ClassDef, classes: dict[str, ast.ClassDef]) -> Signature:
    """The signature of a class by its `__init__`; of a data class or model by the fields of itself and its bases."""
    for each in node.body:
        if isinstance(each, ast.FunctionDef) and each.name == "__init__":
            return _of_function(each)
    fields = [each for owner in _line(node, classes) for each in owner.body if isinstance(each, ast.AnnAssign)]
    optional = {_name(each.target) for each in fields if each.value is not None}
    required = {_name(each.target) for each in fields} - optional
    return Signature(len(required), frozenset(optional))


def _line(node: ast.ClassDef, classes: dict[str, ast.ClassDef]) -> Iterator[ast.ClassDef]:
    yield node
    for base in _bases(node):
        if base in classes and classes[base] is not node:
            yield from _line(classes[base], classes)


def _bases(node: ast.ClassDef) -> list[str]:
    return [_name(base) for base in node.bases]


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _assigned(node: ast.ClassDef) -> Iterator[ast.Name]:
    for each in node.body:
        if isinstance(each, ast.Assign):
            yield from (target for target in each.targets if isinstance(target, ast.Name))
