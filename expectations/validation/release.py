"""`validate --release`: return rows to use that a person corrected, or accepted as they are."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from expectations.rows.releases import ReleaseError, quarantined_columns, read_corrected, save_releases
from expectations.suites.any_rows import foreign_rule
from expectations.suites.tables import build_rules
from expectations.validation.tables import check_tables
from features.storage.hashing import NO_IDS, HashedIds
from features.storage.paths import quarantine_path
from features.tables.currency import CURRENCY
from features.tables.schema import SOURCE_TABLES, TRANSACTIONS
from settings.clock import to_shop_time
from settings.sections import Settings


def release_rows(settings: Settings, path: Path, now: datetime, erased: HashedIds = NO_IDS) -> dict[str, int]:
    """Store the rows of a corrected copy of quarantine files for the next and every later check; return rows per table.

    Released rows must meet all mandatory rules. The other rules are waived for them, as a person has looked at them.
    Raises ReleaseError for a file, table or row that cannot be released; nothing is stored for that table.
    """
    workspace = settings.workspace.path
    corrected = read_corrected(path, workspace / "quarantine")
    check_tables(settings, now, erased=erased)
    released = {}
    for name in corrected["table"].unique(maintain_order=True).to_list():
        if name not in SOURCE_TABLES or not quarantine_path(workspace, name).is_file():
            raise ReleaseError(f"{path} has rows of the table {name}, but no row of that table is in quarantine.")
        limits = replace(getattr(settings.checks, name), rules=(), severity={})
        columns = quarantined_columns(quarantine_path(workspace, name))
        rules = build_rules(SOURCE_TABLES[name], columns, limits, to_shop_time(now, settings.workspace.time_zone))
        rules += [foreign_rule(settings.value.currency)] if name == TRANSACTIONS.name and CURRENCY in columns else []
        rows = corrected.filter(corrected["table"] == name)
        released[name] = save_releases(SOURCE_TABLES[name], rows, quarantine_path(workspace, name), rules, settings.workspace)
    return released
