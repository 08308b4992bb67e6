"""Leaving no trace of deleted rows in a database file.

`secure_delete = FAST` writes zeros over a row within its page, but not over a page that is free as a whole, and what
SQLite moves when it balances a tree may leave its former bytes in a page's gap.
"""

from __future__ import annotations

import sqlite3


def scrub(connection: sqlite3.Connection, *, whole: bool) -> None:
    """Write the whole file anew, else only over its free pages; then empty the write-ahead log.

    The connection must be outside of a transaction. Raises `sqlite3.Error`, also while somebody reads an older state
    for so long that the log cannot be emptied.
    """
    if whole:
        connection.execute("PRAGMA temp_store = FILE")
        try:
            connection.execute("VACUUM")
        finally:
            connection.execute("PRAGMA temp_store = MEMORY")
    else:
        _write_over_free_pages(connection)
    busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    if busy:
        raise sqlite3.OperationalError("the write-ahead log is being read")


def _write_over_free_pages(connection: sqlite3.Connection) -> None:
    """A row of zeros takes all free pages, and leaves zeros in them."""
    page_size: int = connection.execute("PRAGMA page_size").fetchone()[0]
    connection.execute("BEGIN IMMEDIATE")
    try:
        free_pages: int = connection.execute("PRAGMA freelist_count").fetchone()[0]
        connection.execute("CREATE TABLE free_pages (zeros BLOB)")
        connection.execute("INSERT INTO free_pages VALUES (zeroblob(?))", ((free_pages + 1) * page_size,))
        connection.execute("DROP TABLE free_pages")
        connection.execute("COMMIT")
    except sqlite3.Error:
        connection.execute("ROLLBACK")
        raise
