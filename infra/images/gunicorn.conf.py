"""How a function's container serves: one process with threads, which ends within ten seconds of SIGTERM.

    FUNCTION_SOURCE=functions/reply/main.py FUNCTION_TARGET=handler gunicorn --config infra/images/gunicorn.conf.py

It listens on all addresses at `PORT`. With settings that are wrong it ends with status 2 and one line that says why.
"""

import gc
import sys

# What is loaded stays: looking through it for garbage again and again would be a tenth of a cold start.
gc.disable()

from shared.config import load_settings  # noqa: E402 - not before
from shared.errors import ConfigurationInvalid  # noqa: E402 - not before

try:
    _settings = load_settings()
    # Gunicorn would load it too, but not say in one line why it cannot.
    import infra.images.serve  # noqa: F401 - for the loading alone
except ConfigurationInvalid as error:
    sys.stderr.write(f"the function cannot start: {error.detail}\n")
    sys.exit(2)

wsgi_app = "infra.images.serve:app"
workers = 1
# Before the process forks and before anybody is listened to: what is loaded is copied to no other process.
preload_app = True
worker_class = "gthread"
# Gunicorn starts a thread when there is none for a request. Those that only wait for a code to be scanned do nothing.
threads = _settings.threads + _settings.long_polls
# How long a request may take is Cloud Run's business.
timeout = 0
# Cloud Run sends SIGKILL ten seconds after SIGTERM (https://cloud.google.com/run/docs/container-contract).
graceful_timeout = 9
# Longer than the platform's front keeps a connection idle, so that it never writes to one that was just closed.
keepalive = 650
loglevel = "warning"
# The file system may be read-only but for /tmp, and nobody steers the process through a socket.
worker_tmp_dir = "/tmp"  # noqa: S108 - gunicorn makes a file of a random name there
control_socket_disable = True


def when_ready(arbiter: object) -> None:
    """Look for garbage from here on, in what comes after the load."""
    gc.freeze()
    gc.enable()
