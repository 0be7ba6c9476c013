"""The current figures of a list: without customers who objected or were erased since it was issued."""

from typing import Any

import polars as pl

from features.frames.columns import CUSTOMER
from serving.http.errors import ApiError
from serving.http.list_evidence import evidence_on, figure_rows, gain_days
from serving.http.state import ServiceState
from serving.store.lists.figures import FACETS, SUM_COLUMNS
from serving.store.lists.issued import IssuedList, find_list
from serving.store.lists.rows import FILTER_COLUMNS
from serving.store.withheld import Withheld, withheld_hashes


def current_figures(state: ServiceState, issued: IssuedList, filters: dict[str, str]) -> dict[str, Any]:
    """Return the figures of the rows that pass the filters: rows, treated, control, facets, and sums over treated customers.

    The sums are those of SUM_COLUMNS. `evidence` is what trials say about the gain of the treated customers, and
    `gain_days` over how many days it is counted. `facets` has, by filter and value, the number of treated customers that
    the value would show together with the other filters. A list never changes, so its rows are cached, under keyed hashes;
    the withheld customers are read each time.
    """
    allowed = rows_of_list(state, issued).filter("allowed")
    shown = filter_rows(allowed, filters)
    treated = shown.filter(arm="treated")
    sums = treated.select(pl.col(SUM_COLUMNS).sum()).row(0, named=True)
    facets = {name: _facet_counts(allowed, name, filters) for name, column in FILTER_COLUMNS.items() if column in FACETS}
    counts = {"rows": shown.height, "treated": treated.height, "control": shown.height - treated.height}
    return {
        **counts,
        **sums,
        "facets": facets,
        "evidence": evidence_on(state, issued, shown),
        "gain_days": gain_days(state, issued),
    }


def rows_of_list(state: ServiceState, issued: IssuedList) -> pl.DataFrame:
    """Return all rows of a list, under keyed hashes; `allowed` is false for customers who objected or were erased since."""
    rows = figure_rows(state.engine, issued.list_id, state.identity)
    withheld = withheld_hashes(state.engine, *Withheld)
    is_withheld = pl.col(CUSTOMER).is_in(withheld) if withheld else pl.lit(value=False)
    return rows.with_columns((pl.col(CUSTOMER).is_not_null() & ~is_withheld).alias("allowed"))


def filter_rows(rows: pl.DataFrame, filters: dict[str, str]) -> pl.DataFrame:
    """Return the rows that have the value of every filter (FILTER_COLUMNS)."""
    return rows.filter(*(pl.col(FILTER_COLUMNS[name]) == value for name, value in filters.items()))


def passes_filters(filters: dict[str, str]) -> pl.Expr:
    """Return whether a row is allowed and has the value of every filter; never null."""
    conditions = (pl.col(FILTER_COLUMNS[name]) == value for name, value in filters.items())
    return pl.all_horizontal("allowed", *conditions).fill_null(value=False)


def _facet_counts(rows: pl.DataFrame, name: str, filters: dict[str, str]) -> dict[str, int]:
    other_filters = {other: value for other, value in filters.items() if other != name}
    treated = filter_rows(rows, other_filters).filter(arm="treated")
    counts = treated.drop_nulls(FILTER_COLUMNS[name]).group_by(FILTER_COLUMNS[name]).len()
    return dict(counts.sort("len", FILTER_COLUMNS[name], descending=[True, False]).iter_rows())


def given_filters(**values: str | None) -> dict[str, Any]:
    """Return the filters of a request without empty ones."""
    return {name: value for name, value in values.items() if value}


def require_list(state: ServiceState, list_id: str) -> IssuedList:
    """Return the list with this id. Raises ApiError 404 if there is none."""
    issued = find_list(state.engine, list_id)
    if issued is None:
        raise ApiError(404, "There is no list with this id.")
    return issued
