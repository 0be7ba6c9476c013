"""Failed attempts to sign in or to use a key, by address, counted over all workers of the service."""

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from threading import Lock

from features.storage.hashing import hash_text

MAX_ATTEMPTS_PER_MINUTE, MINUTE = 20, 60.0
SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # BentoML gives one folder to all workers of a service
BUSY_SECONDS = 2.0


class AttemptCounter:
    """Count failed attempts in a small file that the workers share; without shared workers, in memory.

    The file holds keyed hashes of addresses for a minute. If it cannot be used, this worker counts for itself.
    """

    def __init__(self, identity: str) -> None:
        """Use the file of the store that `identity` belongs to."""
        self._identity = identity
        self._database = _shared_file(identity)
        self._memory: sqlite3.Connection | None = None
        self._lock = Lock()

    def count(self, kind: str, address: str) -> tuple[int, int]:
        """Count a failed attempt; return the number of the last minute, and the seconds until the oldest no longer counts."""
        now, who = time.time(), hash_text(f"{kind} {address}", self._identity)
        try:
            attempts, oldest = self._record(self._database, who, now)
        except sqlite3.Error:
            self._database = ":memory:"
            attempts, oldest = self._record(self._database, who, now)
        return attempts, max(1, round(oldest + MINUTE - now))

    def _record(self, database: str, who: str, now: float) -> tuple[int, float]:
        """Add an attempt, and return the number of the last minute and the time of the first of them."""
        if database == ":memory:":
            with self._lock:
                self._memory = self._memory or _open(database)
                return _add(self._memory, who, now)
        with closing(_open(database)) as connection:
            return _add(connection, who, now)


def _shared_file(identity: str) -> str:
    folder = os.environ.get(SHARED_FOLDER)
    return str(Path(folder) / f"attempts-{hash_text('attempts', identity)[:16]}.sqlite") if folder else ":memory:"


def _open(database: str) -> sqlite3.Connection:
    connection = sqlite3.connect(database, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.execute("pragma synchronous=off")
    connection.execute("create table if not exists attempts (who text not null, at real not null)")
    return connection


def _add(connection: sqlite3.Connection, who: str, now: float) -> tuple[int, float]:
    connection.execute("begin immediate")
    connection.execute("delete from attempts where at <= ? or at > ?", (now - MINUTE, now + MINUTE))
    attempts, oldest = connection.execute("select count(*), min(at) from attempts where who = ?", (who,)).fetchone()
    if attempts <= MAX_ATTEMPTS_PER_MINUTE:
        connection.execute("insert into attempts values (?, ?)", (who, now))
    connection.execute("commit")
    return attempts + 1, now if oldest is None else oldest
