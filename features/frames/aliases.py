"""Merged customers: which id survives, by what was known on a day.

The aliases table says that `old_id` became `new_id`. Chains are followed to their end. Of several rows with the same old id the
newest counts, by `known_at` and then by the new id, and a row with two equal ids takes an earlier one back. In a cycle, the new
id of its newest row survives.
"""

from collections.abc import Callable
from datetime import datetime

import numpy as np
import polars as pl

from features.frames.arrays import IntArray
from features.frames.columns import CUSTOMER
from features.tables.schema import ALIASES, INGESTED_AT, RECORDED, RECORDED_REFERRER, REFERRER

OLD, NEW = "old_id", "new_id"
ID, SURVIVOR = "id", "survivor"
OWN = "own_id"
ID_COLUMNS = {CUSTOMER: RECORDED, REFERRER: RECORDED_REFERRER}


def known_aliases(aliases: pl.LazyFrame, moment: datetime | None = None) -> pl.DataFrame:
    """Return the aliases known before a moment, all of them without one, oldest first; a row without a date was always known."""
    dates = [name for name in (ALIASES.known_from, INGESTED_AT.name) if name in aliases.collect_schema()]
    known = [pl.max_horizontal(dates).is_null() | (pl.max_horizontal(dates) < moment)] if moment and dates else []
    return aliases.filter(*known).sort([*dates[:1], NEW], nulls_last=False).collect()


def survivors(aliases: pl.DataFrame) -> pl.DataFrame:
    """Return old_id and new_id, a row per id that does not survive: `new_id` is the id that does.

    `aliases` are those of `known_aliases`.
    """
    newest = aliases.with_row_index("age").group_by(OLD, maintain_order=True).last().filter(pl.col(OLD) != pl.col(NEW))
    ids = pl.concat([newest[OLD].alias("id"), newest[NEW].alias("id")]).unique().sort()
    codes = pl.DataFrame({"id": ids, "code": np.arange(len(ids))})
    old, new = (newest.join(codes, left_on=name, right_on="id", maintain_order="left")["code"].to_numpy() for name in (OLD, NEW))
    following, age = np.arange(len(ids)), np.full(len(ids), -1)
    following[old], age[old] = new, newest["age"].to_numpy()
    ends = _follow(_without_cycles(following, age))
    resolved = pl.DataFrame({OLD: ids, NEW: ids.gather(ends)})
    return resolved.filter(pl.col(OLD) != pl.col(NEW))


def members(merged: pl.DataFrame) -> pl.DataFrame:
    """Return every id of each merged customer: `id` and `survivor`, which is one of them; `merged` is from `survivors`."""
    old = merged.select(pl.col(OLD).alias(ID), pl.col(NEW).alias(SURVIVOR))
    return pl.concat([old, old.select(pl.col(SURVIVOR).alias(ID), SURVIVOR).unique()])


def surviving_ids(frame: pl.LazyFrame, merged: pl.DataFrame) -> pl.LazyFrame:
    """Return the rows with the surviving ids of customers and referrers; `recorded_id` and `recorded_referrer` are the source's.

    `merged` is from `survivors`. Frames that have the recorded ids already start from them.
    """
    columns = frame.collect_schema().names()
    recorded = {name: source for name, source in ID_COLUMNS.items() if name in columns}
    kept = frame.with_columns(pl.col(name).alias(source) for name, source in recorded.items() if source not in columns)
    resolved = kept.with_columns(survivor_of(source, merged).alias(name) for name, source in recorded.items())
    if not {CUSTOMER, REFERRER} <= set(columns):
        return resolved
    # no customer refers themselves; in a part of the customers, null is a customer of another part
    return resolved.with_columns(pl.when(pl.col(REFERRER).ne_missing(pl.col(CUSTOMER))).then(REFERRER))


def join_by_survivor(
    frame: pl.LazyFrame, aliases: pl.LazyFrame | None, join: Callable[[pl.LazyFrame], pl.LazyFrame]
) -> pl.LazyFrame:
    """Apply a join on customer_id with the ids that survive by `aliases`, and return the rows with their own ids."""
    if aliases is None:
        return join(frame)
    survivor = survivor_of(CUSTOMER, survivors(known_aliases(aliases)))
    joined = join(frame.with_columns(pl.col(CUSTOMER).alias(OWN), survivor.alias(CUSTOMER)))
    return joined.with_columns(pl.col(OWN).alias(CUSTOMER)).drop(OWN)


def survivor_of(column: str, merged: pl.DataFrame) -> pl.Expr:
    """Return the surviving id of each id in a column."""
    return pl.col(column).replace(merged[OLD], merged[NEW]) if merged.height else pl.col(column)


def _without_cycles(following: IntArray, age: IntArray) -> IntArray:
    """Return `following`, the next id of each id, with every cycle cut at the new id of its newest row."""
    on_cycle = np.zeros(len(following), dtype=bool)
    reached = _follow(following)
    on_cycle[reached] = following[reached] != reached
    members = np.flatnonzero(on_cycle)
    label, step = np.arange(len(following)), following.copy()
    for _ in range(_doublings(len(following))):
        label, step = np.minimum(label, label[step]), step[step]
    newest = members[np.lexsort((age[members], label[members]))]
    is_last = np.append(np.diff(label[newest]) != 0, True)[: len(newest)]
    cut, heads = following.copy(), following[newest[is_last]]
    cut[heads] = heads
    return cut


def _follow(following: IntArray) -> IntArray:
    """Return where each id ends after at least as many steps as there are ids; with a cycle, somewhere on it."""
    reached = following
    for _ in range(_doublings(len(following))):
        reached = reached[reached]
    return reached


def _doublings(count: int) -> int:
    return max(count, 1).bit_length() + 1
