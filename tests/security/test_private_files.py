"""Nobody but its owner reads what lies in `DATA_DIR`, however it came there."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

import pytest

from shared.bootstrap import bootstrap, close
from shared.config import Settings
from shared.errors import ConfigurationInvalid


def modes(directory: Path) -> dict[str, int]:
    return {
        str(path.relative_to(directory)): stat.S_IMODE(path.lstat().st_mode)
        for path in (directory, *directory.rglob("*"))
        if not path.is_symlink()
    }


def opened_once(settings: Settings) -> None:
    deps = bootstrap(settings)
    deps.secrets.write("one", {"key": "value"})
    close(deps)


def test_what_was_restored_with_wider_rights_is_tightened_at_start(settings: Settings) -> None:
    opened_once(settings)
    directory = settings.data_dir
    (directory / "backups").mkdir()
    (directory / "hub-backup.db").write_bytes(b"a copy")
    (directory / "backups" / "hub.db").write_bytes(b"an older copy")
    for path in (directory, *directory.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)
    opened_once(settings)
    assert {name: mode for name, mode in modes(directory).items() if mode & 0o077} == {}
    assert (directory / "backups" / "hub.db").read_bytes() == b"an older copy"


def test_a_new_directory_is_private_whatever_the_umask(settings: Settings) -> None:
    umask = os.umask(0)
    try:
        opened_once(settings)
    finally:
        os.umask(umask)
    assert {mode & 0o077 for mode in modes(settings.data_dir).values()} == {0}


def test_what_a_link_leads_to_keeps_its_rights(settings: Settings, tmp_path: Path) -> None:
    opened_once(settings)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("somebody's")
    elsewhere.chmod(0o644)
    (settings.data_dir / "link").symlink_to(elsewhere)
    opened_once(settings)
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o644


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as two users")
def test_the_start_is_refused_where_the_files_are_somebody_elses(settings: Settings) -> None:
    with tempfile.TemporaryDirectory(prefix="hub-", dir="/tmp") as folder:
        copied_settings = settings.model_copy(update={"data_dir": Path(folder, "data")})
        opened_once(copied_settings)
        strangers_file = copied_settings.data_dir / "hub-backup.db"
        strangers_file.write_bytes(b"a copy")
        for path in (Path(folder), copied_settings.data_dir, *copied_settings.data_dir.rglob("*")):
            os.chown(path, 65534, -1)
        os.chown(strangers_file, 65533, -1)
        strangers_file.chmod(0o644)
        os.seteuid(65534)
        try:
            with pytest.raises(ConfigurationInvalid, match=r"hub-backup\.db"):
                bootstrap(copied_settings)
        finally:
            os.seteuid(0)
