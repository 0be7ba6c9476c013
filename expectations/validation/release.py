"""`validate --release`: rows that somebody corrected, or looked at and found right, come back into use."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from expectations.rows.releases import ReleaseError, cells_of, keep_released, read_corrected
from expectations.suites.tables import rules_of
from expectations.validation.tables import check_tables
from features.storage.hashing import NO_IDS, HashedIds
from features.storage.paths import quarantine_path
from features.tables.schema import ALL_TABLES
from settings.sections import Settings


def release(settings: Settings, path: Path, now: datetime, erased: HashedIds = NO_IDS) -> dict[str, int]:
    """Keep the rows of a corrected copy of quarantine files, for the next check and every later one; return rows per table.

    Rows that break no firm rule any more come back into use; one fed back unchanged counts as looked at and right.
    Raises ReleaseRefused, keeping nothing of that table, for a file, table or row that cannot be released.
    """
    workspace = settings.workspace.path
    corrected = read_corrected(path, workspace / "quarantine")
    check_tables(settings, now, erased=erased)
    kept = {}
    for name in corrected["table"].unique(maintain_order=True).to_list():
        if name not in ALL_TABLES or not quarantine_path(workspace, name).is_file():
            raise ReleaseError(f"{path} names the table {name}, of which nothing is in quarantine.")
        limits = replace(getattr(settings.checks, name), rules=(), severity={})
        rules = rules_of(ALL_TABLES[name], cells_of(quarantine_path(workspace, name)), limits, now)
        rows = corrected.filter(corrected["table"] == name)
        kept[name] = keep_released(ALL_TABLES[name], rows, quarantine_path(workspace, name), rules, workspace)
    return kept
