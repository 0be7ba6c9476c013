"""Features of more customers than fit into memory: one part of them after the other."""

from collections.abc import Callable, Iterator
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
    """The features of one part of the customers, and their loyalty by category; None where no column tells it."""

    features: pl.DataFrame
    by_category: pl.DataFrame | None


def features_of_part(tables: Tables, as_of: date, active_days: int, settings: Loyalty, norms: Norms, part: Part) -> PartFeatures:
    """Return everything of one part: the unit of work of this machine's loop, or of a scheduler's.

    `usual` are the norms of all customers. Nothing but the part's own rows is held in memory.
    """
    encoded = encode_tables(known_before(tables, as_of), part)
    features = features_as_of(encoded, as_of, active_days, settings, norms)
    return PartFeatures(features, categories_as_of(encoded, as_of, settings))


def parts_for(tables: Tables, as_of: date) -> int:
    """Return how many parts keep each at about ten million order lines."""
    lines = int(known_before(tables, as_of).transactions.select(pl.len()).collect(engine="streaming").item())
    return max(1, -(-lines // LINES_PER_PART))


def features_in_parts(
    tables: Tables, as_of: date, active_days: int, settings: Loyalty, parts: int, near: Path, done: Callable[[int, int], None]
) -> Iterator[PartFeatures]:
    """Yield the features of all customers, part by part; together they are those of `build_features`.

    With more than one part the order lines are first laid out by part in a folder beside `near`, so that the table is
    read once and not once per part. Customers are in order within a part. `done` hears how many parts of all are done.
    """
    known, norms = known_before(tables, as_of), compute_norms(tables, as_of)
    done(0, parts)
    if parts == 1:
        yield features_of_part(known, as_of, active_days, settings, norms, Part())
        done(1, 1)
        return
    columns = read_columns(TRANSACTIONS, known.transactions.collect_schema().names())
    with partition_to_disk(known.transactions.select(columns), parts, near) as lines:
        for number, own in enumerate(lines):
            mine = replace(known, transactions=own)
            yield features_of_part(mine, as_of, active_days, settings, norms, Part(number, parts))
            done(number + 1, parts)
