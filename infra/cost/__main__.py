"""What a million messages with their replies cost on Google Cloud; takes a few seconds.

    python -m infra.cost [--write]

Operations are counted by walking a message through the hub, prices are in prices.toml. `--write` puts the table into
infra/README.md.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from infra.bench.processes import ROOT, read_announcement, running
from infra.cost import walk
from infra.cost.table import table
from infra.generated import with_part
from shared.config import Settings


def measured_table() -> str:
    """The table, against a provider of its own."""
    with TemporaryDirectory(prefix="cost-") as name:
        directory = Path(name)
        with running(["-m", "infra.bench.provider"], {}, directory / "provider.log") as process:
            settings = Settings(
                data_dir=directory, telegram_api_url=f"http://127.0.0.1:{int(read_announcement(process, 'port '))}"
            )
            return table(walk.busy(settings), walk.alone(settings))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.cost", description=(__doc__ or "").partition(";")[0])
    parser.add_argument("--write", action="store_true", help="put the table into infra/README.md")
    arguments = parser.parse_args()
    result = measured_table()
    sys.stdout.write(f"{result}\n")
    if arguments.write:
        readme = ROOT / "infra/README.md"
        readme.write_text(with_part(readme.read_text("utf-8"), "cost", result), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
