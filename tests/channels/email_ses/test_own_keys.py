"""The machine's own rights at Amazon are the operator's: no stranger's channel is served with them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from shared.config import Settings
from shared.deps import Deps
from shared.ports.store import Merge
from tests import refs
from tests.channels.amazon import CONFIG, REGION, Signer, notification
from tests.eventually import eventually
from tests.pipeline.hub import Hub, running_hub
from tests.stubs import Stub

OPERATOR = {"Authorization": "Bearer operator-key"}
KEYLESS = {
    "EMAIL": {"region": REGION, "address": "support@shop.example"},
    "SMS": {"region": REGION, "provider": "sns"},
}
SAID_BY_DASHBOARD = ["access_key_id", "secret_access_key"]
SAID_BY_OMNICHAT = ["config.accessKeyId", "config.secretAccessKey"]

every_type = pytest.mark.parametrize("channel_type", KEYLESS)


@pytest.fixture
def settings(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOPERATOR")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "operator-secret")
    return settings.model_copy(update={"api_key": SecretStr("operator-key")})


@pytest.fixture
def hub(deps: Deps, provider: Stub) -> Iterator[Hub]:
    with running_hub(deps, provider) as running:
        yield running


@every_type
def test_a_stranger_is_told_to_give_both_halves_of_a_key(hub: Hub, amazon: Stub, channel_type: str) -> None:
    hub.register()
    body = {"name": "Ours", "type": channel_type, "config": KEYLESS[channel_type]}
    refused = hub.post("/api/channels", body, 400)
    assert sorted(refused["fields"]) == SAID_BY_OMNICHAT
    configured = hub.post(f"/channels/{channel_type.lower()}/configure", KEYLESS[channel_type], 400)
    assert sorted(configured["fields"]) == SAID_BY_DASHBOARD
    tried = hub.post(f"/integrations/{channel_type.lower()}/test", {**KEYLESS[channel_type], "api_key": ""})
    assert not tried["success"]
    assert amazon.requests == []


def test_a_strangers_channel_that_loses_its_key_is_not_served_with_the_operators(hub: Hub, amazon: Stub) -> None:
    hub.register()
    channel = hub.post("/api/channels", {"name": "Mail", "type": "EMAIL", "config": CONFIG}, 201)
    both = {"accessKeyId": None, "secretAccessKey": None}
    refused = hub.patch(f"/api/channels/{channel['id']}", {"config": both}, 400)
    assert sorted(refused["fields"]) == SAID_BY_OMNICHAT
    # A channel that was created before this rule existed.
    hub.deps.secrets.write(f"instance-{channel['id']}", {"webhook_secret": "w"})
    hub.deps.store.commit([Merge(refs.instance(channel["id"]), {"config": KEYLESS["EMAIL"] | {"access_key_id": None}})])
    hub.deps.cache.forget(("config", channel["id"]))
    before = len(amazon.requests)
    response = hub.post("/integrations/email/test", {})
    assert not response["success"]
    assert "check access_key_id, secret_access_key" in response["test_result"]
    assert len(amazon.requests) == before


@every_type
def test_the_operators_own_tenant_may_use_the_machines_rights(hub: Hub, amazon: Stub, channel_type: str) -> None:
    hub.headers = OPERATOR
    channel = hub.post("/api/channels", {"name": "Ours", "type": channel_type, "config": KEYLESS[channel_type]}, 201)
    assert hub.get(f"/api/channels/{channel['id']}")["status"] == "CONNECTED"
    assert {_signer_of(call.headers["authorization"]) for call in amazon.requests} == {"AKIAOPERATOR"}


@pytest.mark.parametrize("key", [{}, {"accessKeyId": "AKIA1", "secretAccessKey": "aws-secret-1"}])
def test_a_mail_is_fetched_from_the_channels_bucket_alone(
    hub: Hub, aws: Any, amazon: Stub, signer: Signer, topic: str, key: dict[str, str]
) -> None:
    hub.headers, hub.tenant_id = OPERATOR, hub.deps.settings.default_tenant_id
    for bucket in ("operators-backups", "mails"):
        aws("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        mail = EmailMessage()
        mail["From"] = "ana@customer.example"
        mail.set_content(f"from {bucket}")
        aws("s3").put_object(Bucket=bucket, Key="in/1", Body=mail.as_bytes())
    config = {**KEYLESS["EMAIL"], **key, "topicArns": [topic], "bucket": "mails"}
    hub.post("/api/channels", {"name": "Mail", "type": "EMAIL", "config": config}, 201)
    endpoint = urlsplit(aws("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"][0]["Endpoint"])
    for bucket in ("operators-backups", "mails"):
        signed = signer.sign(
            notification(topic, _received_mail(bucket)), f"{amazon.url}/SimpleNotificationService-1.pem"
        )
        answer = hub.client.post(
            f"{endpoint.path}?{endpoint.query}",
            data=json.dumps(signed),
            headers={"content-type": "text/plain", "x-amz-sns-topic-arn": topic},
        )
        assert answer.status_code == 200, answer.text
    assert [message.text for message in eventually(hub.messages)] == ["from mails"]
    assert amazon.to("operators-backups/in/1") == []
    [notice] = eventually(lambda: hub.get("/notifications")["notifications"])
    assert "config.bucket" in notice["message"]


def _signer_of(authorization: str) -> str:
    return authorization.partition("Credential=")[2].partition("/")[0]


def _received_mail(bucket: str) -> dict[str, Any]:
    action = {"type": "S3", "bucketName": bucket, "objectKey": "in/1"}
    return {
        "notificationType": "Received",
        "mail": {"timestamp": "2026-11-20T20:32:33.936Z", "source": "ana@customer.example", "messageId": bucket},
        "receipt": {"recipients": ["support@shop.example"], "action": action},
    }
