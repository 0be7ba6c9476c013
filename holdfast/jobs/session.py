"""Prepare what most commands need first: settings, checked tables, the as-of date, and the score store."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import polars as pl

from expectations.check import Finding, Measure
from expectations.gx import run_suite
from expectations.validation.gate import load_tables
from expectations.validation.outputs import NO_MEASURES, check_output
from expectations.validation.report import TableReport
from expectations.validation.stopped import OverrideRequest
from features.as_of import resolve_as_of
from features.order_rhythm import OrderRhythm, order_rhythm
from features.storage.hashing import NO_IDS, HashedIds
from features.tables.schema import Tables
from holdfast.jobs.store import StoreHandle
from serving.lists.contacts import issued_contacts, merge_issued_contacts, names_in_contacts
from serving.privacy.objections import withheld_ids
from serving.store.withheld import Withheld
from settings.clock import shop_today, utc_now
from settings.errors import UserError
from settings.load import load_settings
from settings.permissions import restrict_workspace
from settings.sections import Settings

OutputChecker = Callable[..., None]  # of the name of the frame, the frame, and more measures
Warn = Callable[[str, list[Finding]], None]  # shows failed warnings: the name of the checked frame, and the findings


@dataclass(frozen=True)
class Session:
    """Settings, the usable rows of every table, the report of each check, the as-of date, the score store and the override.

    Contacts include the rows of issued lists, so that models learn from a list as from any campaign. `rhythm` is that of the
    orders; `default_as_of` is the day until which they are known.
    """

    settings: Settings
    tables: Tables
    reports: list[TableReport]
    rhythm: OrderRhythm
    as_of: date
    default_as_of: date
    store: StoreHandle
    override: OverrideRequest | None = None

    @property
    def note(self) -> str | None:
        """What is out of line in the dates of the orders, if the as-of date was not named; None otherwise."""
        return self.rhythm.note if self.as_of == self.default_as_of else None


@contextmanager
def open_session(config: Path, as_of: date | None, override: OverrideRequest | None = None) -> Iterator[Session]:
    """Read the configuration, check every table and the as-of date, and yield the session.

    At the end, rows of customers who were erased in the meantime are removed, and the store is closed. With `override`, tables
    that a check stopped are used anyway. Raises SettingsError, TableUnusableError, AsOfDateError, or the errors of
    `StoreHandle.open`.
    """
    settings, now = load_settings(config), utc_now()
    restrict_workspace(settings.workspace)
    with StoreHandle(settings) as store:
        try:
            tables, reports = load_tables(settings, now, override, erased_ids(settings, store))
            rhythm, today = order_rhythm(tables.transactions), shop_today(settings.workspace.time_zone)
            yield Session(
                settings=settings,
                tables=_with_issued_contacts(settings, tables, store),
                reports=reports,
                rhythm=rhythm,
                as_of=resolve_as_of(rhythm, as_of, today),
                default_as_of=resolve_as_of(rhythm, None, today),
                store=store,
                override=override,
            )
        finally:
            store.complete_erasures()


def erased_ids(settings: Settings, store: StoreHandle) -> HashedIds:
    """Return the erased customers, whose rows no load may bring back; none if there is no store yet."""
    return _withheld_ids(settings, store, Withheld.ERASED)


def suppressed_ids(settings: Settings, store: StoreHandle) -> HashedIds:
    """Return the customers who opted out of marketing and get no predictions; none if there is no store yet."""
    return _withheld_ids(settings, store, Withheld.SUPPRESSED)


def _withheld_ids(settings: Settings, store: StoreHandle, reason: Withheld) -> HashedIds:
    engine = store.open_existing()
    return NO_IDS if engine is None else withheld_ids(settings, engine, reason)


def _with_issued_contacts(settings: Settings, tables: Tables, store: StoreHandle) -> Tables:
    engine = store.open_existing()
    if engine is None:
        return tables
    issued = issued_contacts(engine, None, names_in_contacts(settings))
    return replace(tables, contacts=merge_issued_contacts(tables.contacts, issued))


def override_request(command: str, override: str | None, despite: str | None) -> OverrideRequest | None:
    """Return the request to use stopped tables, or None without a reason; `despite` is the old name of the option.

    Raises UserError for both together.
    """
    if override is not None and despite is not None:
        raise UserError("Give --override only: --despite is its old name.")
    reason = despite if override is None else override
    return None if reason is None else OverrideRequest(command, reason)


def output_checker(settings: Settings, warn: Warn, override: OverrideRequest | None = None) -> OutputChecker:
    """Return a function that checks an output frame against its suite and passes failed warnings to `warn`.

    The function takes measures that the frame alone does not give. It raises OutputRefusedError if a check stops the frame,
    unless it can be overridden and there is an `override`.
    """

    def check(name: str, frame: pl.DataFrame, more: Mapping[str, Measure] = NO_MEASURES) -> None:
        warn(name, check_output(settings, name, frame.lazy(), utc_now(), run_suite, more, override))

    return check
