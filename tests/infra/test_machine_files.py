"""The systemd unit and the proxies' configurations fit the hub that they are for."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from infra.images import __file__ as images
from infra.local import serve
from shared.config import Settings

MACHINE = Path(images).parents[1] / "machine"


def test_the_unit_runs_the_hub_and_does_not_repeat_a_start_with_wrong_settings() -> None:
    unit = (MACHINE / "hub.service").read_text("utf-8")
    assert f"-m {serve.__name__}\n" in unit
    assert "RestartPreventExitStatus=2\n" in unit


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    text = (MACHINE / "hub.service").read_text("utf-8")
    unit = tmp_path / "hub.service"
    # The program is not installed here, nor its user's settings.
    unit.write_text(
        text.replace("/opt/hub/.venv/bin/python", "/bin/true").replace("EnvironmentFile=", "EnvironmentFile=-")
    )
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert "hub.service" not in done.stderr, done.stderr


@pytest.mark.parametrize("name", ["Caddyfile", "nginx.conf"])
def test_a_proxy_leads_to_where_the_hub_listens_unless_told_otherwise(name: str) -> None:
    settings = Settings()
    text = (MACHINE / name).read_text("utf-8")
    assert re.search(rf"(server|reverse_proxy) {settings.host}:{settings.port}\b", text)
    assert text.count("{") == text.count("}")
