"""Use cases work on models: `shared/documents` reads and writes them, and checks the tenant."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

USE_CASES = Path("shared/usecases")

NO_DOCUMENT = frozenset({"instances/instance_config.py"})
"""Modules that validate something else than documents: a channel's configuration."""

RAW = frozenset({"Create", "Delete", "Merge", "Order", "Ref", "Set", "Where"})

WRITE_MODELS = "change a model that a UnitOfWork has read, or use its add, put, patch, remove and query"
READ_MODELS = "read the document as a model, by a collection of a UnitOfWork"
USE_UNIT = "read and commit by a UnitOfWork, not by the store itself"
USE_OWNED = "read the document by owned, owned_or_none or owned_many, which compare its tenant"


def problems(source: str) -> Iterator[tuple[int, str]]:
    """The lines of a module that work on raw documents, each with what to do instead."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in RAW:
                yield node.lineno, WRITE_MODELS
            case ast.Call(func=ast.Attribute(attr="model_validate")):
                yield node.lineno, READ_MODELS
            case ast.Subscript(value=ast.Attribute(attr="data")):
                yield node.lineno, READ_MODELS
            case ast.Attribute(attr="get", value=ast.Attribute(attr="data")):
                yield node.lineno, READ_MODELS
            case ast.Attribute(value=ast.Attribute(attr="store")):
                yield node.lineno, USE_UNIT
            case ast.Compare(left=left, ops=[ast.Eq() | ast.NotEq()], comparators=[right]):
                if _is_tenant_id(left) or _is_tenant_id(right):
                    yield node.lineno, USE_OWNED


def _is_tenant_id(node: ast.expr) -> bool:
    match node:
        case ast.Attribute(attr="tenant_id") | ast.Subscript(slice=ast.Constant(value="tenant_id")):
            return True
    return False


def _modules() -> list[Path]:
    return sorted(path.relative_to(USE_CASES) for path in USE_CASES.rglob("*.py"))


def _problems_in(module: Path) -> list[str]:
    source = (USE_CASES / module).read_text("utf-8")
    if module.as_posix() in NO_DOCUMENT:
        return []
    return [f"{USE_CASES / module}:{line}: {advice}" for line, advice in sorted(problems(source))]


def test_use_cases_work_on_models() -> None:
    modules = _modules()
    assert modules
    assert [problem for module in modules for problem in _problems_in(module)] == []


@pytest.mark.parametrize(
    ("source", "advice"),
    [
        ("unit.store.commit([])", USE_UNIT),
        ("Merge(ref, {'name': name})", WRITE_MODELS),
        ("Where('tenant_id', '==', tenant_id)", WRITE_MODELS),
        ("Customer.model_validate(fields)", READ_MODELS),
        ("document.data['name']", READ_MODELS),
        ("document.data.get('name')", READ_MODELS),
        ("customer.tenant_id == tenant_id", USE_OWNED),
        ("tenant_id != customer.tenant_id", USE_OWNED),
        ("fields['tenant_id'] != tenant_id", USE_OWNED),
    ],
)
def test_work_on_raw_documents_is_noticed(source: str, advice: str) -> None:
    assert (1, advice) in problems(source)


@pytest.mark.parametrize(
    "source",
    [
        "UnitOfWork(deps.store)",
        "InstanceSet()",
        "query.where(lambda customer: customer.tenant_id, '==', tenant_id)",
        "tenant_id == settings.default_tenant_id",
    ],
)
def test_work_on_models_is_let_pass(source: str) -> None:
    assert list(problems(source)) == []


PARTICIPLES = frozenset(
    {
        "found",
        "given",
        "known",
        "said",
        "told",
        "wanted",
        "asked",
        "kept",
        "made",
        "held",
        "taken",
        "begun",
        "spoken",
        "shown",
        "heard",
        "mine",
        "theirs",
        "ours",
        "words",
        "gone",
    }
)
"""Names that tell what happened to a value, and not what it holds."""


def _names(source: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield node.lineno, name
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield node.lineno, name


def test_names_say_what_they_hold() -> None:
    paths = [
        path for folder in ("functions", "infra", "shared", "tests") for path in sorted(Path(folder).rglob("*.py"))
    ]
    assert paths
    vague = [
        f"{path}:{line}: name what `{name}` holds"
        for path in paths
        for line, name in _names(path.read_text("utf-8"))
        if name.strip("_") in PARTICIPLES
    ]
    assert vague == []
