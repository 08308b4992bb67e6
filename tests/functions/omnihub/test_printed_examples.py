"""What the document prints is what the dialect answers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from tests.functions.omnihub.door import PATH, create
from tests.stubs import Stub

GOLDEN = Path(__file__).parents[2] / "golden" / "omnihub"
WHOLE_SECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def golden(name: str, evolution: Stub) -> Any:
    """A printed example, with the address of the server that plays Evolution."""
    text = (GOLDEN / f"{name}.json").read_text("utf-8")
    return json.loads(text.replace("http://localhost:8080", evolution.url))


def assert_printed(answer: Any, printed: dict[str, Any]) -> None:
    """The same keys in the same order, the same types, and the same values where the example's are not of its time."""
    assert list(answer) == list(printed)
    assert {name: type(value) for name, value in answer.items()} == {n: type(v) for n, v in printed.items()}
    of_its_time = {"id", "created_at", "updated_at"}
    assert {n: v for n, v in answer.items() if n not in of_its_time} == {
        n: v for n, v in printed.items() if n not in of_its_time
    }
    assert WHOLE_SECONDS.fullmatch(answer["created_at"])
    assert WHOLE_SECONDS.fullmatch(answer["updated_at"])


def test_the_supported_channels_are_the_documented_three(client: FlaskClient, evolution: Stub) -> None:
    assert client.get(f"{PATH}/supported-channels").json == golden("supported_channels", evolution)


def test_the_printed_create_request_gives_the_printed_answer(
    client: FlaskClient, evolution: Stub, new: dict[str, Any]
) -> None:
    create(client, new, "the-default")
    answer = client.post(PATH, json=golden("create_request", evolution))
    assert answer.status_code == 201
    assert_printed(answer.json, golden("create_response", evolution))


def test_the_printed_instance_can_be_read_and_listed(client: FlaskClient, evolution: Stub, new: dict[str, Any]) -> None:
    create(client, new, "the-default")
    client.post(PATH, json=golden("create_request", evolution))
    assert_printed(client.get(f"{PATH}/my_instance").json, golden("read_response", evolution))
    listed: Any = client.get(PATH).json
    assert [instance["name"] for instance in listed] == ["the-default", "my_instance"]
    assert list(listed[0]) == list(golden("list_response", evolution)[0])


def test_the_printed_update_gives_the_printed_answer(client: FlaskClient, evolution: Stub) -> None:
    client.post(PATH, json=golden("create_request", evolution))
    answer = client.put(f"{PATH}/my_instance", json=golden("update_request", evolution))
    assert answer.status_code == 200
    assert_printed(answer.json, golden("update_response", evolution))


def test_the_printed_default_and_set_default_answers(client: FlaskClient, evolution: Stub) -> None:
    request = golden("create_request", evolution) | {
        "name": "default_instance",
        "evolution_key": "default_key",
        "whatsapp_instance": "default_instance",
        "session_id_prefix": "default-",
        "agent_api_key": "default_agent_key",
    }
    client.post(PATH, json=request)
    client.post(PATH, json=golden("create_request", evolution))
    assert_printed(client.get(f"{PATH}/whatever/default").json, golden("default_response", evolution))
    answer = client.post(f"{PATH}/my_instance/set-default")
    assert_printed(answer.json, golden("set_default_response", evolution))
    assert client.get(f"{PATH}/default_instance").json["is_default"] is False  # type: ignore[index]


def test_the_documents_curl_example_works_with_the_documents_defaults(client: FlaskClient, evolution: Stub) -> None:
    created: Any = client.post(PATH, json=golden("create_by_curl_request", evolution)).json
    assert created["whatsapp_instance"] == "business_whatsapp"
    assert created["session_id_prefix"] == "business_whatsapp-"
    assert created["agent_timeout"] == 60
    assert "phone_number" not in created
    assert evolution.to(r"/instance/connectionState/business_whatsapp")
