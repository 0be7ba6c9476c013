"""A list in figures as it is now: without those who objected or were erased since it was issued."""

from functools import lru_cache
from typing import Any

import polars as pl
import sqlalchemy as sa

from features.columns import CUSTOMER
from features.tables.keyed_hash import hashed
from serving.api.state import State
from serving.store.issued import FACETS, FILTERS, SUMMED, IssuedList, list_figures
from serving.store.withheld import Withheld, all_withheld

HELD = 6  # lists whose rows a worker keeps at hand


def figures_now(state: State, one: IssuedList, filters: dict[str, str]) -> dict[str, Any]:
    """Return rows, treated, control, SUMMED of the treated, and how many of them each facet has, of the rows that pass.

    A list never changes, so its rows are read once, under keyed hashes; who is withheld is looked up each time.
    """
    rows = _rows(state.engine, one.list_id, state.identity)
    withheld = all_withheld(state.engine, *Withheld)
    here = rows.filter(~pl.col(CUSTOMER).is_in(withheld)) if withheld else rows
    for name, value in filters.items():
        here = here.filter(pl.col(FILTERS[name]) == value)
    treated = here.filter(arm="treated")
    sums = treated.select(pl.col(SUMMED).sum()).row(0, named=True)
    facets = {name: _counts(treated, name) for name in FACETS}
    return {"rows": here.height, "treated": treated.height, "control": here.height - treated.height, **sums, "facets": facets}


@lru_cache(maxsize=HELD)
def _rows(engine: sa.Engine, list_id: str, identity: str) -> pl.DataFrame:
    return list_figures(engine, list_id, hashed(CUSTOMER, identity))


def _counts(treated: pl.DataFrame, name: str) -> dict[str, int]:
    counted = treated.drop_nulls(name).group_by(name).len().sort("len", name, descending=[True, False])
    return dict(counted.iter_rows())
