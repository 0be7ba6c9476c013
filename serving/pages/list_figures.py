"""A list in figures as it is now: without those who objected or were erased since it was issued."""

from functools import lru_cache
from typing import Any

import polars as pl
import sqlalchemy as sa

from features.frames.columns import CUSTOMER
from features.storage.hashing import hash_column
from serving.http.state import ServiceState
from serving.store.issued import FACETS, FILTERS, SUMMED, IssuedList, list_figures
from serving.store.withheld import Withheld, all_withheld

HELD = 6  # lists whose rows a worker keeps at hand


def figures_now(state: ServiceState, one: IssuedList, filters: dict[str, str]) -> dict[str, Any]:
    """Return rows, treated, control, and SUMMED of the treated, of the rows that pass; and what each filter could be set to.

    `facets` has, by filter, how many treated each value would show beside the other filters. A list never changes, so its rows
    are read once, under keyed hashes; who is withheld is looked up each time.
    """
    rows = _rows(state.engine, one.list_id, state.identity)
    withheld = all_withheld(state.engine, *Withheld)
    allowed = rows.filter(~pl.col(CUSTOMER).is_in(withheld)) if withheld else rows
    here = _passing(allowed, filters)
    treated = here.filter(arm="treated")
    sums = treated.select(pl.col(SUMMED).sum()).row(0, named=True)
    facets = {name: _counts(allowed, name, filters) for name, column in FILTERS.items() if column in FACETS}
    return {"rows": here.height, "treated": treated.height, "control": here.height - treated.height, **sums, "facets": facets}


@lru_cache(maxsize=HELD)
def _rows(engine: sa.Engine, list_id: str, identity: str) -> pl.DataFrame:
    return list_figures(engine, list_id, hash_column(CUSTOMER, identity))


def _passing(rows: pl.DataFrame, filters: dict[str, str]) -> pl.DataFrame:
    return rows.filter(*(pl.col(FILTERS[name]) == value for name, value in filters.items()))


def _counts(rows: pl.DataFrame, name: str, filters: dict[str, str]) -> dict[str, int]:
    others = _passing(rows, {other: value for other, value in filters.items() if other != name}).filter(arm="treated")
    counted = others.drop_nulls(FILTERS[name]).group_by(FILTERS[name]).len()
    return dict(counted.sort("len", FILTERS[name], descending=[True, False]).iter_rows())
