"""Which files to join by key, so that order lines get the date and the customer that another file has."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import polars as pl

from holdfast.exports.header_words import normalised
from holdfast.exports.proposal import JoinGuess
from holdfast.exports.source_sample import Sample

if TYPE_CHECKING:
    from holdfast.exports.generic import Roles

LEAST_MATCHED = 0.5
MAX_JOINS = 4


def join_missing(main: Sample, others: Sequence["Roles"], wanted: list[str]) -> list[JoinGuess]:
    """Return the joins that give `main` the wanted roles, in the order in which they are made.

    A source is joined by a column of the same name, or of the same name with the source's own before it (`order_id` and `id` of
    `orders`), if its cells there are distinct and most cells of the other side are among them.
    """
    joins: list[JoinGuess] = []
    reachable = [main]
    remaining = list(others)
    while wanted and len(joins) < MAX_JOINS:
        step = _next_join(reachable, remaining, wanted)
        if step is None:
            break
        roles, join = step
        joins.append(join)
        reachable.append(roles.sample)
        remaining.remove(roles)
        wanted = [role for role in wanted if role not in roles.columns]
    return joins


def _next_join(reachable: list[Sample], others: Sequence["Roles"], wanted: list[str]) -> tuple["Roles", JoinGuess] | None:
    candidates = [
        (len([role for role in wanted if role in other.columns]), other, JoinGuess(other.sample, {left: right}))
        for other in others
        for source in reachable
        for left, right in _shared_keys(source, other.sample)
    ]
    useful = [candidate for candidate in candidates if candidate[0]]
    if not useful:
        return None
    _, other, join = max(useful, key=lambda candidate: candidate[0])
    return other, join


def _shared_keys(left: Sample, right: Sample) -> list[tuple[str, str]]:
    """Return the pairs of columns by which each row of `left` finds one row of `right`."""
    singular = normalised(right.stem).removesuffix("dataset").removesuffix("s")
    own = {normalised(name): name for name in right.columns}
    pairs = []
    for name in left.columns:
        key = normalised(name)
        if key in {"id", "name"}:  # the key of a row itself, in every table
            continue
        other = own.get(key) or (own.get("id") if key == f"{singular.rsplit('_', 1)[-1]}id" else None)
        if other is not None and _is_key(left.cells[name], right.cells[other]):
            pairs.append((name, other))
    return pairs


def _is_key(cells: pl.Series, keys: pl.Series) -> bool:
    keys, cells = keys.drop_nulls(), cells.drop_nulls().unique()
    if keys.is_empty() or cells.is_empty() or keys.is_duplicated().any():
        return False
    return float(cells.is_in(keys.implode()).mean() or 0.0) >= LEAST_MATCHED  # type: ignore[arg-type]
