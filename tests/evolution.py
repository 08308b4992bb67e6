"""An Evolution 2.3 server with one account, which replays recorded responses, and the messages of a customer."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from flask.testing import FlaskClient

from tests.stubs import Received, Reply, Stub

MARIA = "5511988887777@s.whatsapp.net"
RECORDED = Path(__file__).parent / "channels" / "whatsapp_evolution" / "captures"


def recorded(name: str) -> Any:
    """What the real server answered, or sent as a webhook."""
    recording = json.loads((RECORDED / f"{name}.json").read_text("utf-8"))
    return recording["response"] if name.startswith("rest-") else recording


def written(text: str, **key: Any) -> dict[str, Any]:
    """What Maria writes now; `key` says who else did, or under which id. A person takes a minute to answer her."""
    return {
        "key": {"remoteJid": MARIA, "fromMe": False, "id": f"IN-{text}"} | key,
        "pushName": "Maria",
        "message": {"conversation": text},
        "messageType": "conversation",
        "messageTimestamp": int(time.time()) + (60 if key.get("fromMe") else 0),
    }


def upsert(data: Any, instance: str = "shop") -> dict[str, Any]:
    """The webhook that brings what was written: one message, or a list of them."""
    return {"event": "messages.upsert", "instance": instance, "data": data}


def evolution_rules(provider: Stub) -> None:
    """Play an Evolution whose accounts are connected and that takes every text."""
    numbers = count(1)

    def accept(request: Received) -> Reply:
        key = {"remoteJid": request.json["number"], "fromMe": True, "id": f"OUT{next(numbers)}"}
        return Reply(201, {"key": key, "status": "PENDING"})

    provider.on("GET", "/instance", Reply(json={"instance": {"state": "open"}}))
    provider.on("POST", "/message/sendText", accept)


def answered_shop(url: str, **fields: Any) -> dict[str, Any]:
    """An Omni-Hub instance whose customers an external agent service answers; Evolution and agent are at `url`."""
    instance = {
        "name": "shop",
        "channel_type": "whatsapp",
        "evolution_url": url,
        "evolution_key": "evolution-key-1",
        "agent_api_url": url,
        "agent_api_key": "agent-key-1",
        "default_agent": "support",
    }
    return instance | fields


def _failed(status: int, *messages: str) -> Reply:
    return Reply(status, {"status": status, "error": "Bad Request", "response": {"message": list(messages)}})


def _registered(hook: dict[str, Any]) -> Reply:
    """How a server tells what was registered; null for nothing."""
    return Reply(json=recorded("rest-webhook-find") | {"enabled": True, **hook} if hook else None, text="null")


class Evolution:
    """`state` is `open`, `connecting`, `close`, or None while there is no instance.

    `unready` is how often asking for a code gives none yet; `lingering` how
    often a deleted instance is still listed; `reason` why the account was
    disconnected.
    """

    def __init__(self, stub: Stub) -> None:
        self.stub = stub
        self.state: str | None = None
        self.reason: int | None = None
        self.unready = 0
        self.lingering = 0
        self.created_count = 0
        self.hook: dict[str, Any] = {}
        self.settings: dict[str, Any] = {}
        for method, path, answer in (
            ("GET", "/instance/connectionState/", self._state),
            ("GET", "/instance/connect/", self._connect),
            ("GET", "/instance/fetchInstances", self._list),
            ("POST", "/instance/create$", self._create),
            ("POST", "/instance/restart/", self._restart),
            ("DELETE", "/instance/logout/", self._logout),
            ("DELETE", "/instance/delete/", self._delete),
            ("POST", "/webhook/set/", self._set_webhook),
            ("GET", "/webhook/find/", self._find_webhook),
            ("GET", "/settings/find/", self._find_settings),
            ("POST", "/settings/set/", self._set_settings),
        ):
            stub.on(method, path, answer)

    def calls(self) -> list[str]:
        """The calls so far, such as `POST instance/create`."""
        return [f"{each.method} {'/'.join(each.path.split('?')[0].split('/')[1:3])}" for each in self.stub.requests]

    def scan(self, client: FlaskClient, *, tell: bool = True) -> None:
        """The account's owner scans the code."""
        self.state, self.reason = "open", None
        if tell:
            self.send(client, recorded("connection.update-open"))

    def send(self, client: FlaskClient, body: dict[str, Any]) -> None:
        """Call the webhook that was registered, with its headers."""
        answer = client.post(urlsplit(self.hook["url"]).path, json=body, headers=self.hook["headers"])
        assert answer.status_code == 200, answer.text

    def _missing(self) -> Reply:
        return _failed(404, 'The "acme-support" instance does not exist')

    def _state(self, request: Received) -> Reply:
        if self.state is None:
            return self._missing()
        return Reply(json={"instance": {"instanceName": "acme-support", "state": self.state}})

    def _connect(self, request: Received) -> Reply:
        if self.state is None:
            return self._missing()
        if self.state == "open":
            return self._state(request)
        self.state = "connecting"
        if self.unready > 0:
            self.unready -= 1
            return Reply(json={"count": 0})
        return Reply(json=recorded("rest-instance-connect"))

    def _list(self, request: Received) -> Reply:
        if self.state is None and self.lingering <= 0:
            return self._missing()
        if self.state is None:
            self.lingering -= 1
        (listed,) = recorded("rest-fetchInstances")
        return Reply(json=[listed | {"connectionStatus": self.state, "disconnectionReasonCode": self.reason}])

    def _create(self, request: Received) -> Reply:
        if self.state is not None:
            return _failed(403, 'This name "acme-support" is already in use.')
        self.created_count += 1
        self.state, self.reason, self.settings = "connecting", None, {}
        self.hook = request.json["webhook"]
        created = recorded("rest-instance-create") | {"hash": f"TOKEN-{self.created_count}"}
        if not request.json["qrcode"] or self.unready:
            created |= {"qrcode": {"count": 0}}
        return Reply(201, created)

    def _restart(self, request: Received) -> Reply:
        if self.state is None:
            return self._missing()
        if self.state != "open":
            return Reply(json={"error": True, "message": "[object Object]"})
        return self._state(request)

    def _logout(self, request: Received) -> Reply:
        if self.state is None:
            return self._missing()
        if self.state == "close":
            return _failed(400, 'The "acme-support" instance is not connected')
        self.state, self.reason = "close", 401
        return Reply(json={"status": "SUCCESS", "error": False, "response": {"message": "Instance logged out"}})

    def _delete(self, request: Received) -> Reply:
        if self.state is None:
            return self._missing()
        self.state = None
        return Reply(json={"status": "SUCCESS", "error": False, "response": {"message": "Instance deleted"}})

    def _set_webhook(self, request: Received) -> Reply:
        if self.state is None:
            return self._missing()
        self.hook = request.json["webhook"]
        return Reply(201, recorded("rest-webhook-find"))

    def _find_settings(self, request: Received) -> Reply:
        return Reply(json={"id": "row", "instanceId": "i", **self.settings}) if self.state else self._missing()

    def _set_settings(self, request: Received) -> Reply:
        if self.state is None:
            return self._missing()
        self.settings = dict(request.json)
        return Reply(201, {"settings": {"settings": request.json}})

    def _find_webhook(self, request: Received) -> Reply:
        return _registered(self.hook) if self.state else self._missing()


@dataclass
class Account:
    """One account at a server: who may use it, where its webhook leads, and whether somebody is logged in."""

    token: str
    state: str = "open"
    hook: dict[str, Any] = field(default_factory=dict)


class SharedServer:
    """A server with many accounts, which compares keys as Evolution 2.3 does.

    Its own key opens all of them, an account's token that account alone. An unknown name is 404 whoever asks.
    """

    def __init__(self, stub: Stub, key: str) -> None:
        self.url = stub.url
        self.key = key
        self._stub = stub
        self.accounts: dict[str, Account] = {}
        self.deletion: Reply | None = None
        self._numbers = count(1)
        stub.on("POST", "/instance/create$", self._create)
        stub.on("GET", "/instance/fetchInstances", self._list)
        for method, path, action in (
            ("GET", "/instance/connectionState/", self._state),
            ("GET", "/instance/connect/", self._state),
            ("POST", "/instance/restart/", self._state),
            ("DELETE", "/instance/logout/", self._logout),
            ("DELETE", "/instance/delete/", self._delete),
            ("POST", "/webhook/set/", self._set_webhook),
            ("GET", "/webhook/find/", self._find_webhook),
            ("POST", "/message/sendText/", self._send),
        ):
            stub.on(method, path, partial(self._about_account, action))

    def add(self, name: str, token: str) -> Account:
        """An account that somebody made at the server itself."""
        self.accounts[name] = Account(token)
        return self.accounts[name]

    def opened_by_server_key(self, name: str) -> list[str]:
        """The calls about an account that carried the server's own key."""
        return [each.path for each in self._stub.to(f"/{name}$") if each.headers["apikey"] == self.key]

    def _about_account(self, action: Callable[[str, Received], Reply], request: Received) -> Reply:
        name = unquote(urlsplit(request.path).path.rpartition("/")[2])
        account = self.accounts.get(name)
        if account is None:
            return _failed(404, f'The "{name}" instance does not exist')
        if request.headers["apikey"] not in (self.key, account.token):
            return Reply(401, {"status": 401, "error": "Unauthorized", "response": {"message": "Unauthorized"}})
        return action(name, request)

    def _create(self, request: Received) -> Reply:
        name = request.json["instanceName"]
        if name in self.accounts:
            return _failed(403, f'This name "{name}" is already in use.')
        if request.headers["apikey"] != self.key:
            return Reply(401, {"status": 401, "error": "Unauthorized", "response": {"message": "Unauthorized"}})
        account = self.add(name, f"TOKEN-{next(self._numbers)}")
        account.state, account.hook = "connecting", request.json["webhook"]
        body = {"instance": {"instanceName": name, "status": "connecting"}, "hash": account.token}
        return Reply(201, body | {"qrcode": {"code": "2@code"}})

    def _list(self, request: Received) -> Reply:
        return Reply(401) if request.headers["apikey"] != self.key else Reply(json=[])

    def _state(self, name: str, request: Received) -> Reply:
        return Reply(json={"instance": {"instanceName": name, "state": self.accounts[name].state}})

    def _logout(self, name: str, request: Received) -> Reply:
        self.accounts[name].state = "close"
        return Reply(json={"status": "SUCCESS", "error": False})

    def _delete(self, name: str, request: Received) -> Reply:
        if self.deletion is not None:
            return self.deletion
        del self.accounts[name]
        return Reply(json={"status": "SUCCESS", "error": False})

    def _set_webhook(self, name: str, request: Received) -> Reply:
        self.accounts[name].hook = request.json["webhook"]
        return Reply(201, {})

    def _find_webhook(self, name: str, request: Received) -> Reply:
        return _registered(self.accounts[name].hook)

    def _send(self, name: str, request: Received) -> Reply:
        key = {"remoteJid": request.json["number"], "fromMe": True, "id": f"OUT{next(self._numbers)}"}
        return Reply(201, {"key": key, "status": "PENDING"})
