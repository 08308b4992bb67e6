"""A program of the hub's that takes a server of the tests for WhatsApp.

python -m tests.whatsapp.program <root key in hex> <proxy> <certificates> <program>
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

from infra.sockets.whatsapp.gateway import WorkerGateway
from shared.channels.whatsapp_web.gateway import reached_by
from shared.deps import Deps
from tests.whatsapp.playing import Phones


def main() -> int:
    root, url, certificates, program = sys.argv[1:]
    worker = Phones(url, root, Path(certificates)).worker

    def opened(deps: Deps) -> WorkerGateway | None:
        return WorkerGateway(deps.snapshots, worker) if deps.snapshots is not None else None

    with reached_by(opened):
        return int(import_module(program).main())


if __name__ == "__main__":
    sys.exit(main())
