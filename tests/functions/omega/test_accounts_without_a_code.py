"""The Omega dialect with WhatsApp accounts that are not paired by scanning a code."""

from __future__ import annotations

from typing import Any

import pytest

from functions.omega.main import blueprints
from shared.deps import Deps
from shared.domain.instances import ChannelType, InstanceStatus
from shared.ports.store import Merge
from shared.usecases.instances import instances
from shared.usecases.instances.instances import NewInstance
from tests import refs
from tests.apps import create_app


@pytest.mark.parametrize(
    ("status", "expected", "code"),
    [(InstanceStatus.CONNECTED, "already_paired", 200), (InstanceStatus.DISCONNECTED, "not_configured", 409)],
)
def test_an_account_of_metas_is_paired_by_its_credentials_alone(
    deps: Deps, status: InstanceStatus, expected: str, code: int
) -> None:
    config = {"provider": "cloud", "access_token": "token-1", "phone_number_id": "1065403"}
    instance = instances.create(
        deps, "default", NewInstance(channel_type=ChannelType.WHATSAPP, name="meta", config=config), connect=False
    )
    deps.store.commit([Merge(refs.instance(instance.id), {"status": status.value})])
    answer: Any = create_app(deps, blueprints()).test_client().post("/api/pair")
    assert (answer.status_code, answer.json["status"]) == (code, expected)
    assert ("no code to scan" in answer.json["message"]) is (code == 409)
