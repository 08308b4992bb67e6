"""The capabilities of the channels."""

from __future__ import annotations

import dataclasses

from flask.testing import FlaskClient

from functions.dashboard.capability_schemas import ChannelCapabilities, PaceOut
from shared.channel import Capabilities, Pace
from shared.channels import names, type_of
from tests.functions.dashboard.golden import golden


def _capabilities(client: FlaskClient) -> dict[str, dict[str, object]]:
    answer = client.get("/channels/capabilities")
    assert answer.status_code == 200, answer.text
    return {each["adapter"]: each for each in answer.get_json()["channels"]}


def test_every_adapter_is_told_in_the_order_of_the_registry(client: FlaskClient) -> None:
    assert list(_capabilities(client)) == names()


def test_golden_forms(client: FlaskClient) -> None:
    capabilities = _capabilities(client)
    expected = golden("channels_capabilities_response")
    assert {name: capabilities[name] for name in expected} == expected


def test_nothing_that_channels_declare_is_left_out() -> None:
    declared = {field.name for field in dataclasses.fields(Capabilities)}
    documented = {name.removesuffix("_hours") for name in ChannelCapabilities.model_fields}
    assert declared <= documented
    assert {field.name for field in dataclasses.fields(Pace)} == set(PaceOut.model_fields)


def test_each_type_has_one_default(client: FlaskClient) -> None:
    types = [type_of(name) for name in names()]
    assert sum(bool(each["is_default"]) for each in _capabilities(client).values()) == len(set(types))
