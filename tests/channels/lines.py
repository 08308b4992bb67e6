"""How each channel's provider calls the running hub, and a `Caller` that plays the provider."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlencode

from werkzeug.test import TestResponse

from shared import channels
from shared.domain.messages import Author, Message
from tests.channels import golden
from tests.channels.amazon import Signer
from tests.channels.example import Recordings, examples
from tests.channels.proofs import PROOFS, SECRET, Call
from tests.pipeline.hub import Hub

PUBLIC = "https://hub.example.com"

LINES: Mapping[str, Recordings] = {name: row.recordings for name, row in examples().items() if row.recordings}


class Caller:
    """A provider that calls a channel of the current tenant and signs with `secret`."""

    def __init__(self, hub: Hub, name: str, signer: Signer, secret: str = SECRET) -> None:
        self.hub, self.name, self.signer, self.secret, self.line = hub, name, signer, secret, LINES[name]
        type_ = channels.type_of(name).value.upper()
        body = {"name": f"Line {secret}", "type": type_, "adapter": name, "config": PROOFS[name].config(secret)}
        self.id = str(hub.post("/api/channels", body, 201)["id"])

    def body(self, recording: str, number: int = 1) -> tuple[bytes, dict[str, str]]:
        """Body and headers of the recording; a different `number` gives a different message of the same chat."""
        [path] = [file for file in golden.recordings(self.name) if file.stem == recording]
        text = json.dumps(json.loads(path.read_text("utf-8")))
        assert recording != self.line.message or self.line.id in text
        last = self.line.id.rstrip('"')
        other = f"{last[:-1]}{number}{self.line.id[len(last) :]}" if number > 1 else self.line.id
        return self.line.posted(json.loads(text.replace(self.line.id, other)), self.signer, self.hub.provider)

    def post(
        self,
        body: tuple[bytes, dict[str, str]],
        *,
        to: str | None = None,
        signed: bool = True,
        at: datetime | None = None,
    ) -> TestResponse:
        """Post it to this channel, or to the channel `to`, signed with this channel's secret."""
        raw, headers = body
        target = to or self.id
        path = self.line.path.format(name=self.name, id=target)
        query = PROOFS[self.name].query(self.secret) if signed else {}
        path += f"?{urlencode(query)}" if query else ""
        call = Call(secret=self.secret, body=raw, url=PUBLIC + path, at=at or self.hub.deps.now())
        proof = self._proof(target, call) if signed else {}
        client = self.hub.client.application.test_client()
        return client.post(path, data=raw, headers=headers | proof)

    def _proof(self, target: str, call: Call) -> dict[str, str]:
        return self.line.proof(self.name, target, call) if self.line.proof else PROOFS[self.name].headers(call)

    def writes(self, number: int = 1) -> None:
        answer = self.post(self.body(self.line.message, number))
        assert answer.status_code == self.line.success_status, answer.text

    def came(self) -> list[Message]:
        """The stored messages. Once the second message of a chat is stored, all before it have been processed."""
        return [each for each in self.hub.messages() if each.author in (Author.CUSTOMER, Author.SYSTEM)]
