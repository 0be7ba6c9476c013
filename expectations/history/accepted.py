"""The accepted load of each table: the newest load that no check stopped, or that a user accepted with an override.

Its profile is one Parquet file in the workspace: hashed ids, days and amounts, never an id. Later loads are compared with it.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl

from features.storage.files import atomic_path

HEADER_KEY = "holdfast_load"
FORMAT = 1
Entries = dict[str, tuple[float, str]]  # the value and the detail of each measure


class DamagedProfileError(Exception):
    """The profile of the accepted load cannot be read."""


@dataclass(frozen=True)
class Links:
    """How a table was linked to the orders: its distinct customers and rows, and those of them that the orders know.

    `orders` identifies the load of the orders. `new_rows` are newer than the load before.
    """

    orders: str
    ids: int
    known_ids: int
    rows: int
    known_rows: int
    new_rows: int = 0
    new_known_rows: int = 0


@dataclass(frozen=True)
class ProfileHeader:
    """What identifies a profiled load: its time in UTC, its content, the rows in use, and the seed of its hashes.

    `newest` is the day of its newest row, empty without dates. `links` is None for the orders themselves.
    """

    checked_at: str
    content: str
    used: int
    seed: int
    newest: str = ""
    links: Links | None = None
    format: int = FORMAT

    def has_same_rows(self, other: "ProfileHeader") -> bool:
        """Return whether both loads have the same rows in use."""
        return (self.content, self.used) == (other.content, other.used)

    @property
    def day(self) -> str:
        """The day of the load, as messages name it."""
        return self.checked_at.partition("T")[0]


def read_accepted(workspace: Path, table: str) -> ProfileHeader | None:
    """Return the header of the accepted load of a table; None before the first.

    Raises DamagedProfileError for a file that is not a complete profile.
    """
    path = accepted_path(workspace, table)
    if not path.is_file():
        return None
    try:
        entries = json.loads(pl.read_parquet_metadata(path)[HEADER_KEY])
        links = Links(**entries["links"]) if entries.get("links") else None
        header = ProfileHeader(**entries | {"links": links})
    except (pl.exceptions.PolarsError, OSError, KeyError, ValueError, TypeError) as error:
        raise DamagedProfileError(str(path)) from error
    return header if header.format == FORMAT else None


def write_pending(workspace: Path, table: str, header: ProfileHeader, profile: pl.LazyFrame) -> Path:
    """Write the profile of a load that is not accepted yet, and return its path."""
    path = pending_path(workspace, table)
    with atomic_path(path) as temporary:
        profile.sink_parquet(temporary, metadata={HEADER_KEY: json.dumps(asdict(header))}, engine="streaming")
    return path


def remove_pending(workspace: Path, table: str) -> None:
    """Remove the profile of a load that was never accepted; nothing happens without one."""
    pending_path(workspace, table).unlink(missing_ok=True)


def accept_pending(workspace: Path, table: str, header: ProfileHeader | None = None, entries: Entries | None = None) -> None:
    """Make the pending load of a table the accepted one; nothing happens without a pending load.

    `header` and `entries` are its comparison with the load before: with them, a later check of the same load gives the same
    result. Without them, as after an override, the same load is compared with nothing.
    """
    pending, comparison = pending_path(workspace, table), _comparison_path(workspace, table)
    if not pending.is_file():
        return
    accepted_path(workspace, table).parent.mkdir(parents=True, exist_ok=True)
    if header and entries:
        with atomic_path(comparison) as temporary:
            content = {"content": header.content, "used": header.used, "measures": entries}
            temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    else:
        comparison.unlink(missing_ok=True)
    pending.replace(accepted_path(workspace, table))


def read_comparison(workspace: Path, table: str, header: ProfileHeader) -> Entries:
    """Return the comparison of the accepted load with the load before it; empty if it has none, or only one of another load."""
    try:
        stored = json.loads(_comparison_path(workspace, table).read_text(encoding="utf-8"))
        is_same = (stored["content"], stored["used"]) == (header.content, header.used)
        return {name: (float(entry[0]), str(entry[1])) for name, entry in stored["measures"].items()} if is_same else {}
    except (OSError, ValueError, LookupError, TypeError):
        return {}


def accepted_path(workspace: Path, table: str) -> Path:
    """Return the path of the profile of the accepted load."""
    return workspace / "checks" / "accepted" / f"{table}.parquet"


def pending_path(workspace: Path, table: str) -> Path:
    """Return the path of the profile of the newest load until it is accepted."""
    return workspace / "checks" / "pending" / f"{table}.parquet"


def _comparison_path(workspace: Path, table: str) -> Path:
    return workspace / "checks" / "accepted" / f"{table}.json"
