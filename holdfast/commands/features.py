"""`features`: the feature table as of a date."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.commands.options import DEFAULT_CONFIG, Config, ParquetFile, Parts, RequiredAsOf
from holdfast.printing.console import CONSOLE, MESSAGES

if TYPE_CHECKING:
    from holdfast.jobs.session import Session

NAME = "features"
EXAMPLE = "features --as-of 2025-06-01 --out features.parquet"


def command(as_of: RequiredAsOf, config: Config = DEFAULT_CONFIG, out: ParquetFile = None, parts: Parts = None) -> None:
    """Write the feature table, one row per customer known before the as-of date; by default into the workspace."""
    from features.dictionary import dictionary
    from features.storage.files import atomic_path
    from holdfast.jobs.session import open_session

    session = open_session(config, as_of)
    path = out or session.settings.workspace.path / "features" / f"{session.as_of}.parquet"
    by_category = path.with_suffix(".loyalty_by_category.parquet")
    words = path.with_suffix(".dictionary.json")
    customers, columns, sequences = _write(session, path, by_category, parts)
    _guard(session, path)
    with atomic_path(words) as beside:
        beside.write_text(json.dumps(dictionary(), indent=2) + "\n", encoding="utf-8")
    CONSOLE.print(f"{customers:,} customers, {columns} features as of {session.as_of}: {path}")
    if sequences:
        CONSOLE.print(f"Loyalty of {sequences:,} pairs of customer and category: {by_category}")
    CONSOLE.print(f"What each column means: {words}")


def _guard(session: "Session", path: Path) -> None:
    """Check the table that was written; one that cannot be right does not stay."""
    import polars as pl

    from expectations.validation.outputs import OutputRefusedError, check_output
    from expectations.validation.tables import utc_now
    from holdfast.printing.checks import warn

    try:
        found = check_output(session.settings, "features", pl.scan_parquet(path, glob=False), utc_now())
    except OutputRefusedError:
        path.unlink()
        raise
    warn("features", found)


def _write(session: "Session", path: Path, by_category: Path, parts: int | None) -> tuple[int, int, int]:
    """Write both files; return customers, features, and pairs of customer and category."""
    from features.build import FEATURES
    from features.build_in_parts import features_in_parts, parts_for
    from features.storage.parquet import parquet_writer
    from features.windows import churn_windows
    from holdfast.printing.progress import shown_progress

    chosen = churn_windows(session.settings.churn, session.tables, session.as_of)
    number = parts or parts_for(session.tables, session.as_of)
    spill = session.settings.workspace.path / "parts"
    customers = sequences = 0
    with parquet_writer(path) as write, parquet_writer(by_category) as write_categories, shown_progress(MESSAGES) as report:
        found = features_in_parts(
            session.tables,
            session.as_of,
            chosen.active_days,
            session.settings.loyalty,
            number,
            spill,
            lambda done, of: report("features", done, of),
        )
        for part in found:
            write(part.features)
            customers += part.features.height
            if part.by_category is not None:
                write_categories(part.by_category)
                sequences += part.by_category.height
    return customers, len(FEATURES), sequences
