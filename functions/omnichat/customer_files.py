"""Files of customers to import: CSV with a heading, or a JSON object a line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from functions.omnichat.customer_schemas import ImportRow
from shared.errors import BadRequest, joined
from shared.http.bodies import check_text, read_json
from shared.http.errors import invalid
from shared.http.unknown_names import refuse_unknown_in

MOST_ROWS = 500

_CUSTOM = "customFields."
"""How a column of a custom field begins."""
_TAG_SEPARATOR = ";"
_DELIMITERS = ",;\t"
"""What spreadsheets put between columns, by country; the one that the heading has most of counts."""


def rows(content: bytes) -> list[dict[str, Any]]:
    """The rows of a file, in the domain's form. Raises `BadRequest`, which names the line, for what cannot be read."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadRequest("the file is not valid UTF-8: save it as CSV in UTF-8") from None
    check_text(text)
    lines = _json_lines(text) if text.lstrip().startswith("{") else _csv_lines(text)
    parsed: list[dict[str, Any]] = []
    for number, line in lines:
        if len(parsed) == MOST_ROWS:
            raise BadRequest(f"the file has more than {MOST_ROWS} customers; cut it into several")
        parsed.append(_row(number, line))
    if not parsed:
        raise BadRequest(
            "the file has no customers: give CSV with a heading and a line for each, or a JSON object a line"
        )
    return parsed


def _csv_lines(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    heading = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text), delimiter=max(_DELIMITERS, key=heading.count))
    columns = reader.fieldnames or []
    if twice := sorted({column for column in columns if columns.count(column) > 1}):
        raise BadRequest(f"the heading has a column twice: {', '.join(twice)}")
    for record in reader:
        if None in record:
            raise BadRequest(f"line {reader.line_num} has more columns than the heading")
        yield reader.line_num, _of_columns(record)


def _of_columns(record: Mapping[str, str | None]) -> dict[str, Any]:
    """Columns as the JSON of a customer; empty ones are left out."""
    line: dict[str, Any] = {}
    for column, value in record.items():
        if not value:
            continue
        if column.startswith(_CUSTOM):
            line.setdefault("customFields", {})[column.removeprefix(_CUSTOM)] = value
        elif column == "tags":
            line["tags"] = [tag for tag in value.split(_TAG_SEPARATOR) if tag.strip()]
        elif column == "language":
            line["preferences"] = {"language": value}
        else:
            line[column] = value
    return line


def _json_lines(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield number, _of_line(number, line)


def _of_line(number: int, line: str) -> Any:
    try:
        return read_json(line.encode())
    except BadRequest as error:
        raise BadRequest(joined([f"line {number}: ", error.parts], "")) from None


def _row(number: int, line: Mapping[str, Any]) -> dict[str, Any]:
    try:
        refuse_unknown_in(ImportRow, line)
        return ImportRow.model_validate(line).changes()
    except ValidationError as error:
        wrong = invalid(error)
    except BadRequest as error:
        wrong = error
    raise BadRequest(joined([f"line {number}: ", wrong.parts], ""))
