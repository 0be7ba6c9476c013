"""Features of more customers than fit into memory: one part of them after the other."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import polars as pl

from features.build import features_as_of
from features.families.loyalty import categories_as_of
from features.frames.encoded import encode_tables, read_columns
from features.norms import Norms, compute_norms
from features.partition import Part
from features.point_in_time import known_before
from features.storage.spill import partition_to_disk
from features.tables.schema import TRANSACTIONS, Tables
from settings.sections import Loyalty

LINES_PER_PART = 10_000_000


@dataclass(frozen=True)
class PartFeatures:
    """The features of one part of the customers, and their loyalty by category; None without a brand or category column."""

    features: pl.DataFrame
    by_category: pl.DataFrame | None


def build_part(tables: Tables, as_of: date, active_days: int, settings: Loyalty, norms: Norms, part: Part) -> PartFeatures:
    """Return everything of one part: the unit of work of the loop on this machine, or of a scheduler.

    `norms` are those of all customers. Only the part's own rows are held in memory.
    """
    encoded = encode_tables(known_before(tables, as_of), part)
    features = features_as_of(encoded, as_of, active_days, settings, norms)
    return PartFeatures(features, categories_as_of(encoded, as_of, settings))


def count_parts(tables: Tables, as_of: date) -> int:
    """Return the number of parts that keeps each at about ten million order lines."""
    lines = int(known_before(tables, as_of).transactions.select(pl.len()).collect(engine="streaming").item())
    return max(1, -(-lines // LINES_PER_PART))


@contextmanager
def tables_in_parts(known: Tables, parts: int, scratch_path: Path) -> Iterator[Iterator[tuple[Tables, Part]]]:
    """Yield the tables part by part, each with the order lines of its own customers, and the part; all tables if `parts` is 1.

    With more parts, the lines are first written by part to a folder beside `scratch_path`: the table is then read once and not
    once per part. The folder is removed at the end. `known` are tables of `known_before`.
    """
    if parts == 1:
        yield iter([(known, Part())])
        return
    columns = read_columns(TRANSACTIONS, known.transactions.collect_schema().names())
    with partition_to_disk(known.transactions.select(columns), parts, scratch_path) as lines_by_part:
        yield ((replace(known, transactions=lines), Part(number, parts)) for number, lines in enumerate(lines_by_part))


def features_in_parts(
    tables: Tables,
    as_of: date,
    active_days: int,
    settings: Loyalty,
    parts: int,
    scratch_path: Path,
    report_progress: Callable[[int, int], None],
) -> Iterator[PartFeatures]:
    """Yield the features of all customers, part by part; together they are those of `build_features`.

    `scratch_path` is that of `tables_in_parts`. Customers are sorted within a part. `report_progress` takes the parts done and
    the total.
    """
    known, norms = known_before(tables, as_of), compute_norms(tables, as_of)
    report_progress(0, parts)
    with tables_in_parts(known, parts, scratch_path) as tables_by_part:
        for own_tables, part in tables_by_part:
            yield build_part(own_tables, as_of, active_days, settings, norms, part)
            report_progress(part.number + 1, parts)
