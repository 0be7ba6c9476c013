"""What most commands begin with: settings, checked tables, and the as-of date."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from expectations.load import load_tables, utc_now
from expectations.report import TableReport
from features.dates import checked_as_of
from features.tables.schema import Tables
from settings.load import load_settings
from settings.sections import Settings


@dataclass(frozen=True)
class Session:
    """Settings, the usable rows of every table, how they were counted, and the checked as-of date."""

    settings: Settings
    tables: Tables
    reports: list[TableReport]
    as_of: date


def open_session(config: Path, as_of: date | None) -> Session:
    """Read the configuration, check every table and the date.

    Raises SettingsError, TableUnusable or AsOfRefused.
    """
    settings = load_settings(config)
    now = utc_now()
    tables, reports = load_tables(settings, now)
    return Session(settings, tables, reports, checked_as_of(tables, as_of, now.date()))
