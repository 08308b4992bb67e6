"""The two lists of what channels declare, by which a process finds it without importing every channel.

python -m infra.channel_index            # says whether they are up to date
python -m infra.channel_index --write    # writes them
"""

from __future__ import annotations

import json
import pkgutil
import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from pathlib import Path

from shared import channelkit
from shared.channel.webhook import SupportsRoutes
from shared.channels import ability, names
from shared.config import ChannelSettings

SETTINGS = Path("shared/setting_index.py")
ROUTES = Path("functions/webhooks/route_index.py")
_HEAD = '"""{about}; written by `make fix`."""\n\nfrom __future__ import annotations\n\n'


def setting_index() -> str:
    """The text of `shared/setting_index.py`."""
    for name in names():
        import_module(f"shared.channels.{name}.config")
    for module in pkgutil.iter_modules(channelkit.__path__):
        import_module(f"shared.channelkit.{module.name}")
    declared = {
        name: f"{model.__module__}:{model.__name__}"
        for model in ChannelSettings.__subclasses__()
        for name in model.model_fields
    }
    lines = [f"    {json.dumps(name)}: {json.dumps(declared[name])},\n" for name in sorted(declared)]
    head = _HEAD.format(about="Which model declares a setting that is a channel's own")
    return f"{head}from collections.abc import Mapping\n\nDECLARED_BY: Mapping[str, str] = {{\n{''.join(lines)}}}\n"


def route_index() -> str:
    """The text of `functions/webhooks/route_index.py`."""
    modules = ((name, ability(name, SupportsRoutes)) for name in names())
    routes = [(route.method, route.path, name) for name, module in modules if module for route in module.routes()]
    lines = [f"    ({', '.join(map(json.dumps, route))}),\n" for route in routes]
    head = _HEAD.format(about="Method and path of the addresses that channels declare, with the channel's name")
    return f"{head}OWN_ROUTES: tuple[tuple[str, str, str], ...] = (\n{''.join(lines)})\n"


def outdated() -> dict[Path, str]:
    """The lists that are not what the channels declare, with what they should be."""
    texts = {SETTINGS: setting_index(), ROUTES: route_index()}
    return {path: text for path, text in texts.items() if not path.exists() or path.read_text("utf-8") != text}


def _print(lines: Iterable[str]) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)


def main(arguments: Sequence[str]) -> int:
    texts = outdated()
    if arguments == ["--write"]:
        for path, text in texts.items():
            path.write_text(text, "utf-8")
        return 0
    _print(f"{path} is out of date: run make fix" for path in texts)
    return 1 if texts else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
