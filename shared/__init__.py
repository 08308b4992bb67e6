"""What the functions and everything that runs all the time share."""

from __future__ import annotations

import os

# Pydantic would look for plugins, of which the hub has none, in the metadata of every installed package: for the first
# model of a process that is as much work as all models of a webhook.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # noqa: TID251 - pydantic reads it nowhere else
