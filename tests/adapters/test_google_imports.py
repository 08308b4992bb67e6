"""Google's libraries are loaded by the first call, not by having the adapters."""

from __future__ import annotations

import subprocess
import sys

MAKES_ADAPTERS = """
import sys
from shared.adapters.google.bus import PubSubBus
from shared.adapters.google.holders import WorkerPoolHolders
from shared.adapters.google.secrets import SecretManagerSecrets
from shared.adapters.google.store import FirestoreStore

for adapter in (FirestoreStore("p"), PubSubBus("p"), SecretManagerSecrets("p"), WorkerPoolHolders("p", 1)):
    adapter.close()
print([name for name in sys.modules if name == "grpc" or name.startswith(("google.api_core", "google.cloud."))])
"""


def test_making_the_adapters_loads_none_of_googles_libraries() -> None:
    command = [sys.executable, "-c", MAKES_ADAPTERS]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout.strip() == "[]"
