"""Print the keys and the runs of the store. Commands that only touch the store load nothing heavier than this."""

from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from holdfast.printing.json_output import utc_text
from serving.store.keys import KeyRow
from serving.store.schema import COMPLETE
from serving.store.withdrawal import RunEntry

CURRENT = "current"


def print_keys(console: Console, keys: list[KeyRow], now: datetime) -> None:
    """Print all keys without their secret part, with their state."""
    table = Table(title="Keys of clients; times in UTC", title_justify="left")
    for name in ("key id", "client", "scopes", "created", "expires", "state"):
        table.add_column(name, overflow="fold")
    for key in keys:
        created, expires = (f"{moment:%Y-%m-%d %H:%M}" for moment in (key.created_at, key.expires_at))
        table.add_row(key.key_id, key.client, key.scopes, created, expires, key_state(key, now))
    console.print(table)


def key_state(key: KeyRow, now: datetime) -> str:
    """Return whether a key is live, revoked or expired."""
    return "live" if key.is_live(now) else "revoked" if key.revoked_at else "expired"


def key_json(key: KeyRow, now: datetime) -> dict[str, Any]:
    """Return the public fields of a key, ready for JSON."""
    times = {name: utc_text(getattr(key, name)) for name in ("created_at", "expires_at", "revoked_at")}
    fields = {"key_id": key.key_id, "client": key.client, "scopes": key.scopes.split(",")}
    return fields | times | {"state": key_state(key, now)}


def print_runs(console: Console, entries: list[RunEntry]) -> None:
    """Print all kept runs with their state; the current one is the first that is not withdrawn."""
    table = Table(title="Scoring runs; times in UTC", title_justify="left")
    for name in ("run", "as of", "published", "model", "customers", "state"):
        table.add_column(name, justify="right" if name in {"run", "customers"} else "left")
    for entry, state in zip(entries, _run_states(entries), strict=True):
        run, published = entry.run, "-" if entry.published_at is None else f"{entry.published_at:%Y-%m-%d %H:%M}"
        shown = "" if state == COMPLETE else state
        table.add_row(str(run.run_id), str(run.as_of), published, run.model_version, f"{run.rows:,}", shown)
    console.print(table if entries else "No scores have been published yet; run `score`.")


def runs_json(entries: list[RunEntry]) -> list[dict[str, Any]]:
    """Return the fields of all kept runs, ready for JSON."""
    return [
        vars(entry.run)
        | {"scored_at": utc_text(entry.run.scored_at), "published_at": utc_text(entry.published_at), "state": state}
        for entry, state in zip(entries, _run_states(entries), strict=True)
    ]


def _run_states(entries: list[RunEntry]) -> list[str]:
    """Return the state of each run: complete, withdrawn, or current for the first that is not withdrawn."""
    current = next((entry.run.run_id for entry in entries if entry.state == COMPLETE), None)
    return [CURRENT if entry.run.run_id == current else entry.state for entry in entries]
