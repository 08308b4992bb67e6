"""Refusing names that an operation does not know, in its query and its body.

Who misspells `dry_run` or sends a field of another API must not be told that all
went well. `APIBlueprint` puts `checked` around every view, so that a new endpoint
gets it by declaring its models. What genuine clients send beside stands in the
`ignored` of the model that it is sent with: names, or their beginnings with a `*`.
Its `refused` has names that people try, each with what to do instead.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, wraps
from itertools import islice
from typing import Annotated, Any, TypeGuard, TypeVar, Union, cast, get_args, get_origin

from flask import request
from pydantic import AliasChoices, AliasPath, BaseModel
from pydantic.fields import FieldInfo

from shared.errors import BadRequest, joined
from shared.http.bodies import JSONRequest

View = TypeVar("View", bound=Callable[..., object])
Model = type[BaseModel]

ANY_NAMES = "any_names"
"""The attribute of a view that takes whatever it is sent; see `any_names`."""

READS_BODY = "reads_body"
"""The attribute of a view whose body is a file, and has no names."""

MOST_NAMES = 5
"""How many unknown names an error tells."""

_LONGEST_NAME = 64
_MOST_KNOWN = 30
_WRITES = ("POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True, slots=True)
class Accepted:
    """The models of an operation's query, body and form; None where it has none."""

    query: Model | None
    body: Model | None
    form: Model | None


@dataclass(frozen=True, slots=True)
class Unknown:
    """A name with its path (`attachments.0.kind`), and the names that are known there.

    `twin` is the name that the same field was given by already, `reason` what the model says about the name.
    """

    path: str
    name: str
    names_here: Sequence[str]
    twin: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class _Part:
    """An object in a JSON value, with the models that it may be of, and its path (`attachments.0.`)."""

    models: Sequence[Model]
    value: dict[str, Any]
    path: str


def any_names(view: View) -> View:
    """Mark a view whose query and body somebody else decides, such as a provider; goes below the route's decorator."""
    setattr(view, ANY_NAMES, True)
    return view


def checked(view: View, accepted: Accepted) -> View:
    """The view, which raises `BadRequest` for a request with names that `accepted` does not have."""
    if getattr(view, ANY_NAMES, False):
        return view

    @wraps(view)
    def check(*args: Any, **kwargs: Any) -> object:
        sent = cast("JSONRequest", request)
        _refuse("parameter", unknown_in_query(accepted.query, sent.parameter_names))
        if accepted.form is not None:
            _refuse("field", unknown_in_query(accepted.form, {*sent.form, *sent.files}))
        elif request.method in _WRITES and not getattr(view, READS_BODY, False):
            _check_body(accepted.body, sent.get_json())
        return view(*args, **kwargs)

    return cast("View", check)


def refuse_others(names: Iterable[str], names_here: Sequence[str]) -> None:
    """Raise `BadRequest` for names that are not known, for views whose body depends on more than their model."""
    _refuse("field", (Unknown(name, name, names_here) for name in names if name not in names_here))


def refuse_unknown_in(model: Model, body: object) -> None:
    """Raise `BadRequest` for names in a JSON value that the model does not have, for views that read it themselves."""
    _refuse("field", unknown_in_body(model, body))


def _check_body(model: Model | None, body: object) -> None:
    if model is not None:
        drop_null_twins(model, body)
        refuse_unknown_in(model, body)
    elif isinstance(body, Mapping):
        _refuse("field", (Unknown(name, name, ()) for name in body))
    else:
        raise BadRequest("This operation takes no body")


def unknown_in_query(model: Model | None, names: Iterable[str]) -> Iterator[Unknown]:
    """Those of the names that the model of a query or form does not have."""
    return _unknown_names([model] if model else [], names, "")


def unknown_in_body(annotation: object, value: object, path: str = "") -> Iterator[Unknown]:
    """The names in a JSON value that a field of this type does not have, at any depth.

    What is typed as a plain mapping, or as anything, may have any names.
    """
    for part in _parts(annotation, value, path):
        yield from _unknown_names(part.models, part.value, part.path)


def drop_null_twins(annotation: object, value: object) -> None:
    """Take null out of a JSON value where the same field is also given by another name.

    Clients that are made of models of their own send all spellings that they know, and null for what they do not mean.
    """
    for part in list(_parts(annotation, value, "")):
        fields = {name: field for model in part.models for name, field in _fields(model).items()}
        spellings: dict[int, str] = {}
        for name in sorted(part.value.keys() & fields.keys(), key=lambda name: part.value[name] is None):
            if spellings.setdefault(id(fields[name]), name) != name and part.value[name] is None:
                del part.value[name]


def _parts(annotation: object, value: object, path: str) -> Iterator[_Part]:
    """The objects in a JSON value that have models, outer ones first."""
    forms = list(_alternatives(annotation))
    if isinstance(value, dict):
        models = [form for form in forms if _is_model(form)]
        if models and not any(_is_free(form) for form in forms):
            yield _Part(models, value, path)
        for name, item in value.items():
            for inner in _types_of_item(forms, models, name) if isinstance(item, (dict, list)) else ():
                yield from _parts(inner, item, f"{path}{name}.")
    elif isinstance(value, list):
        items = [inner for form in forms if _is_list(form) for inner in get_args(form)[:1]]
        for number, item in enumerate(value if items else ()):
            yield from _parts(Union[tuple(items)], item, f"{path}{number}.")  # noqa: UP007 - not written but made


def _types_of_item(forms: Sequence[object], models: Sequence[Model], name: str) -> list[object]:
    fields = [_fields(model)[name].annotation for model in models if name in _fields(model)]
    if fields:
        return [Union[tuple(fields)]]  # noqa: UP007 - not written but made
    return [get_args(form)[1] for form in forms if get_origin(form) in (dict, Mapping) and get_args(form)]


def _unknown_names(models: Sequence[Model], names: Iterable[str], path: str) -> Iterator[Unknown]:
    """Those that none of the models has, and second spellings of what was given already."""
    if any(model.model_config.get("extra") == "allow" for model in models):
        return
    fields = {name: field for model in models for name, field in _fields(model).items()}
    ignored = {name for model in models for name in getattr(model, "ignored", ())}
    refused = {name: reason for model in models for name, reason in getattr(model, "refused", {}).items()}
    spellings: dict[int, str] = {}
    for name in names:
        if name in fields:
            twin = spellings.setdefault(id(fields[name]), name)
            if twin != name:
                yield Unknown(path + name, name, (), twin)
        elif not _is_among(name, ignored):
            names_here = [main for model in models for main in _main_names(model)]
            yield Unknown(path + name, name, names_here, reason=refused.get(name))


def _is_among(name: str, ignored: Collection[str]) -> bool:
    return name in ignored or any(each.endswith("*") and name.startswith(each[:-1]) for each in ignored)


@cache
def _fields(model: Model) -> Mapping[str, FieldInfo]:
    """A model's fields by every name that they are read under."""
    by_name = model.model_config.get("populate_by_name") or model.model_config.get("validate_by_name")
    fields: dict[str, FieldInfo] = {}
    for name, field in model.model_fields.items():
        aliases = _aliases(field)
        fields |= dict.fromkeys([*aliases, name] if by_name or not aliases else aliases, field)
    return fields


@cache
def _main_names(model: Model) -> Sequence[str]:
    """The name of each field that the API's description has."""
    return [next(iter(_aliases(field)), name) for name, field in model.model_fields.items()]


def _aliases(field: FieldInfo) -> list[str]:
    alias = field.validation_alias or field.alias
    choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
    first = [choice.path[0] if isinstance(choice, AliasPath) else choice for choice in choices]
    return [name for name in first if isinstance(name, str)]


def _alternatives(annotation: object) -> Iterator[object]:
    """What a value of this type may be, one by one."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _alternatives(get_args(annotation)[0])
    elif origin in (Union, types.UnionType):
        for each in get_args(annotation):
            yield from _alternatives(each)
    elif _is_model(annotation) and "root" in annotation.model_fields:
        yield from _alternatives(annotation.model_fields["root"].annotation)
    else:
        yield annotation


def _is_model(annotation: object) -> TypeGuard[Model]:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _is_free(annotation: object) -> bool:
    """Whether a mapping of any names fits."""
    return annotation in (Any, object, dict) or get_origin(annotation) in (dict, Mapping)


def _is_list(annotation: object) -> bool:
    origin = get_origin(annotation)
    return isinstance(origin, type) and issubclass(origin, (Sequence, Set))


def _refuse(kind: str, unknowns: Iterator[Unknown]) -> None:
    """Raise `BadRequest` for the first of them, with what may have been meant; names are cut, for they may be long."""
    first = list(islice(unknowns, MOST_NAMES + 1))
    if not first:
        return
    reasons = {_cut(unknown.path) or "''": _reason(kind, unknown) for unknown in first[:MOST_NAMES]}
    clauses = [f"{path} {reason}" for path, reason in reasons.items()]
    if len(first) > MOST_NAMES:
        clauses.append("there are more")
    raise BadRequest(joined(clauses, "; "), reasons)


def _reason(kind: str, unknown: Unknown) -> str:
    if unknown.reason is not None:
        return unknown.reason
    if unknown.twin is not None:
        return f"is the same {kind} as {unknown.twin}: give one of them"
    if not unknown.names_here:
        return f"is unknown: this operation takes no {kind}s"
    nearest = _nearest(unknown.name, unknown.names_here)
    if nearest is not None:
        return f"is no {kind} here; did you mean {nearest}?"
    listed = ", ".join(unknown.names_here[:_MOST_KNOWN])
    return f"is no {kind} here; use {listed}"


def _nearest(name: str, names_here: Sequence[str]) -> str | None:
    """The known name that looks most like it, whatever the spelling of words."""
    plain = {_plain(each): each for each in names_here}
    close = get_close_matches(_plain(name[:_LONGEST_NAME]), plain, n=1)
    return plain[close[0]] if close else None


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


def _cut(path: str) -> str:
    return path if len(path) <= _LONGEST_NAME else path[:_LONGEST_NAME] + "…"
