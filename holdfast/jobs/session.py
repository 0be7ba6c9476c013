"""What most commands begin with: settings, checked tables, and the as-of date."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import polars as pl

from expectations.check import Finding
from expectations.validation.gate import OverrideRequest, load_tables
from expectations.validation.outputs import check_output
from expectations.validation.report import TableReport
from expectations.validation.tables import utc_now
from features.as_of import checked_as_of
from features.storage.hashing import NO_IDS, HashedIds
from features.tables.schema import Tables
from serving.lists.contacts import issued_contacts, names_in_contacts, with_issued
from serving.privacy.erasure import withheld_by
from serving.store.engine import has_store, open_store
from serving.store.withheld import Withheld
from settings.load import load_settings
from settings.sections import Settings

Warn = Callable[[str, list[Finding]], None]  # shows a frame's failed warnings: its name, and the findings


@dataclass(frozen=True)
class Session:
    """Settings, the usable rows of every table, how they were counted, and the checked as-of date."""

    settings: Settings
    tables: Tables
    reports: list[TableReport]
    as_of: date


def erased_ids(settings: Settings) -> HashedIds:
    """Return the customers who were erased, whom no load may bring back; nobody where there is no store yet."""
    return _withheld(settings, Withheld.ERASED)


def suppressed_ids(settings: Settings) -> HashedIds:
    """Return the customers who objected to marketing, of whom nothing is foretold."""
    return _withheld(settings, Withheld.SUPPRESSED)


def _withheld(settings: Settings, reason: Withheld) -> HashedIds:
    if not has_store(settings.store_url):
        return NO_IDS
    store = open_store(settings.store_url)
    try:
        return withheld_by(settings, store, reason)
    finally:
        store.dispose()


def override_of(command: str, reason: str | None) -> OverrideRequest | None:
    """What `--despite` says, None without it."""
    return None if reason is None else OverrideRequest(command, reason)


def output_checker(settings: Settings, warn: Warn) -> Callable[[str, pl.DataFrame], None]:
    """Return a guard that checks an output frame against its suite and passes failed warnings to `warn`.

    Raises FrameRefused where a check stops.
    """

    def check(name: str, frame: pl.DataFrame) -> None:
        warn(name, check_output(settings, name, frame.lazy(), utc_now()))

    return check


def open_session(config: Path, as_of: date | None, despite: OverrideRequest | None = None) -> Session:
    """Read the configuration, check every table and the date; `despite` goes on with stopped tables.

    Raises SettingsError, TableUnusable or AsOfRefused.
    """
    settings = load_settings(config)
    now = utc_now()
    tables, reports = load_tables(settings, now, despite, erased_ids(settings))
    told = with_issued_lists(settings, tables)
    return Session(settings, told, reports, checked_as_of(tables, as_of, now.date()))


def with_issued_lists(settings: Settings, tables: Tables) -> Tables:
    """Return the tables with what was issued among the contacts: to whoever learns from them, a list is a campaign."""
    if not has_store(settings.store_url):
        return tables
    store = open_store(settings.store_url)
    try:
        return replace(tables, contacts=with_issued(tables.contacts, issued_contacts(store, None, names_in_contacts(settings))))
    finally:
        store.dispose()
