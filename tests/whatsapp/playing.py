"""A server that plays WhatsApp for the real library: it needs Node.js and the packages that `.ci/run` installs."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from infra.sockets.whatsapp.process import Worker

SERVER = Path(__file__).parent / "server"
_SECONDS = 60
_HOSTS = ("web.whatsapp.com", "mmg.whatsapp.net", "*.whatsapp.net")


@dataclass
class Phones:
    """What the tests have people do with their phones, and what they see there."""

    url: str
    root: str
    certificates: Path

    @property
    def worker(self) -> Worker:
        """The real worker, which takes this server for WhatsApp."""
        return Worker(
            command=[sys.executable, "-m", "tests.whatsapp.real_worker", self.root, self.url],
            environment={"SSL_CERT_FILE": str(self.certificates)},
        )

    def scan(self, code: str) -> str:
        """Scan a code; returns the account's number."""
        return str(self._post("scan", code.encode())["jid"]).partition(":")[0]

    def write(
        self, device: str, sender: str, message: dict[str, Any], identifier: str | None = None, **attributes: str
    ) -> str:
        """Have a customer write to the device, whether it is connected or not; returns the message's id."""
        extra: dict[str, Any] = {"attrs": attributes} | ({"id": identifier} if identifier else {})
        body = {"dev": device, "from": sender, "notify": "Alice", "message": message, "extra": extra}
        return str(self._post("deliver", json.dumps(body).encode())["id"])

    def keep(self, content: bytes) -> str:
        """Have WhatsApp keep an encrypted file; returns its path."""
        return str(self._post("blob", content)["path"])

    def unlink(self, device: str) -> None:
        self._post(f"remove?user={device}")

    def acknowledge(self, is_acknowledging: bool) -> None:
        """Say from now on whether a message has been taken, or leave the device without a word."""
        self._post("silent", json.dumps(not is_acknowledging).encode())

    def confirm(self, device: str, customer: str, identifier: str) -> None:
        """Have a customer's phone say that it has got a message."""
        self._post("receipt", json.dumps({"dev": device, "from": customer, "id": identifier}).encode())

    def compose(self, device: str, customer: str) -> None:
        """Have a customer begin to write to a device."""
        self._post("compose", json.dumps({"dev": device, "from": customer}).encode())

    def drop(self) -> None:
        """Break all connections."""
        self._post("drop")

    def replace(self) -> None:
        """Tell all devices that others have come with their keys."""
        self._post("replace")

    def state(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.url}/control/state", timeout=_SECONDS) as answer:  # noqa: S310 - our own server
            values: dict[str, Any] = json.loads(answer.read())
        return values

    def answers(self) -> list[str]:
        """All texts that customers' phones have decrypted."""
        messages = [dict(received["messages"]) for received in self.state()["received"]]
        contents = [content for each in messages for content in each.values() if isinstance(content, dict)]
        return [str(_text_of(content)) for content in contents]

    def read(self, to: str) -> list[Any]:
        """What a customer's phone has decrypted, in WhatsApp's JSON, without the messages' secrets."""
        return [
            {name: value for name, value in message.items() if name != "messageContextInfo"}
            for _, message in self.received(to)
        ]

    def received(self, to: str) -> list[tuple[str, Any]]:
        """The id of each message that a customer's phone has decrypted, and all that is in it."""
        return [
            (received["id"], message)
            for received in self.state()["received"]
            for address, message in received["messages"]
            if address.partition("@")[0].endswith(to)
        ]

    def _post(self, action: str, body: bytes = b"") -> Any:
        request = urllib.request.Request(f"{self.url}/control/{action}", data=body, method="POST")  # noqa: S310
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310 - our own server
            content = answer.read()
        return json.loads(content) if content.startswith(b"{") else None


def _text_of(content: Mapping[str, Any]) -> object:
    return content.get("conversation") or content.get("extendedTextMessage", {}).get("text")


@contextmanager
def playing(directory: Path, node: str) -> Iterator[Phones]:
    """A WhatsApp of this test's own."""
    key, certificate = _certificate(directory)
    command = [node, str(SERVER / "server.mjs"), str(key), str(certificate)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            ports = json.loads(process.stdout.readline())
            yield Phones(f"http://127.0.0.1:{ports['port']}", ports["root"], certificate)
        finally:
            process.kill()


def _certificate(directory: Path) -> tuple[Path, Path]:
    """A key, and a certificate that it signed itself, for WhatsApp's names."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, _HOSTS[0])])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=1))
    names = x509.SubjectAlternativeName([x509.DNSName(host) for host in _HOSTS])
    builder = builder.add_extension(names, critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    certificate = builder.sign(key, hashes.SHA256())
    key_path, certificate_path = directory / "server-key.pem", directory / "server.pem"
    plain = serialization.NoEncryption()
    key_path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, plain)
    )
    certificate_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return key_path, certificate_path
