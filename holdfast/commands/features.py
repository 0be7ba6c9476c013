"""`features`: write the feature table as of a date."""

import json
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.commands.options import DEFAULT_CONFIG, Config, ParquetPlace, Parts, RequiredAsOf
from holdfast.printing.console import CONSOLE, MESSAGES

if TYPE_CHECKING:
    from holdfast.jobs.session import Session

NAME = "features"
PARTITION = "as_of"
EXAMPLE = "features --as-of 2025-06-01 --out features.parquet"


def command(as_of: RequiredAsOf, config: Config = DEFAULT_CONFIG, out: ParquetPlace = None, parts: Parts = None) -> None:
    """Write the feature table, one row per customer known before the as-of date.

    Without --out it is written to features/ in the workspace. Two files beside it hold the loyalty by category and the meaning
    of each column. In a folder, each as-of date is a partition (as_of=2025-06-01/features.parquet), as Hive,
    Spark and DuckDB name them; the loyalty by category is a data set beside it.
    """
    from features.dictionary import feature_dictionary
    from features.storage.files import atomic_path
    from holdfast.jobs.session import open_session

    with open_session(config, as_of) as session:
        path = out or session.settings.workspace.path / "features" / f"{session.as_of}.parquet"
        path, by_category, dictionary = _places(path, session.as_of)
        customers, columns, pairs = _write_features(session, path, by_category, parts)
        _check_file(session, path)
    with atomic_path(dictionary) as temporary:
        temporary.write_text(json.dumps(feature_dictionary(), indent=2) + "\n", encoding="utf-8")
    CONSOLE.print(f"{customers:,} customers, {columns} features as of {session.as_of}: {path}")
    if pairs:
        CONSOLE.print(f"Loyalty of {pairs:,} pairs of customer and category: {by_category}")
    CONSOLE.print(f"Meaning of each column: {dictionary}")


def _places(out: Path, as_of: date) -> tuple[Path, Path, Path]:
    """Return where the features, the loyalty by category and the dictionary go: three files, or partitions of two data sets."""
    if out.suffix.lower() == ".parquet" and not out.is_dir():
        return out, out.with_suffix(".loyalty_by_category.parquet"), out.with_suffix(".dictionary.json")
    partition, categories = f"{PARTITION}={as_of}", out.with_name(f"{out.name}.loyalty_by_category")
    return (
        out / partition / "features.parquet",
        categories / partition / "loyalty.parquet",
        out.with_name(f"{out.name}.dictionary.json"),
    )


def _is_partition(path: Path) -> bool:
    """Whether a file is part of a data set: the as-of date is the name of its folder, and no column of the file."""
    return path.parent.name.startswith(f"{PARTITION}=")


def _check_file(session: "Session", path: Path) -> None:
    """Check the written table, and delete it if a check stops it."""
    import polars as pl

    from expectations.gx import run_suite
    from expectations.validation.outputs import OutputRefusedError, check_output
    from holdfast.printing.checks import warn
    from settings.clock import utc_now

    written = pl.scan_parquet(path, glob=False, hive_partitioning=_is_partition(path))
    try:
        findings = check_output(session.settings, "features", written, utc_now(), run_suite)
    except OutputRefusedError:
        path.unlink()
        raise
    warn("features", findings)


def _write_features(session: "Session", path: Path, by_category: Path, parts: int | None) -> tuple[int, int, int]:
    """Write both files; return the numbers of customers, features, and pairs of customer and category."""
    from features.build import FEATURES
    from features.build_in_parts import count_parts, features_in_parts
    from features.storage.parquet import parquet_writer
    from features.windows import churn_windows
    from holdfast.printing.progress import show_progress

    windows = churn_windows(session.settings.churn, session.tables, session.as_of)
    parts = parts or count_parts(session.tables, session.as_of)
    spill = session.settings.workspace.path / "parts"
    left_out = [PARTITION] if _is_partition(path) else []
    customers = pairs = 0
    with parquet_writer(path) as write, parquet_writer(by_category) as write_categories, show_progress(MESSAGES) as report:
        results = features_in_parts(
            session.tables,
            session.as_of,
            windows.active_days,
            session.settings.loyalty,
            parts,
            spill,
            lambda done, total: report("features", done, total),
        )
        for part in results:
            write(part.features.drop(left_out))
            customers += part.features.height
            if part.by_category is not None:
                write_categories(part.by_category)
                pairs += part.by_category.height
    return customers, len(FEATURES), pairs
