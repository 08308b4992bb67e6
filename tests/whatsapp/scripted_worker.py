"""A worker without WhatsApp: a real process that leaves it to a test, at the other end of a socket, what it says.

python -m tests.whatsapp.scripted_worker <address of the test> <socket>
"""

from __future__ import annotations

import os
import socket
import sys
import threading


def _carry(source: socket.socket, target: socket.socket) -> None:
    """Until the source ends, and with it the process: a worker does not outlive its hub, nor its script."""
    try:
        while data := source.recv(65536):
            target.sendall(data)
    finally:
        os._exit(0)


def main() -> None:
    script = socket.socket(socket.AF_UNIX)
    script.connect(sys.argv[1])
    script.sendall(f"{os.getpid()}\n".encode())
    hub = socket.socket(fileno=int(sys.argv[2]))
    threading.Thread(target=_carry, args=(hub, script), daemon=True).start()
    _carry(script, hub)


if __name__ == "__main__":
    main()
