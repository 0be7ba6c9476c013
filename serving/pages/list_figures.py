"""The current figures of a list: without customers who objected or were erased since it was issued."""

from typing import Any

import polars as pl

from features.frames.columns import CUSTOMER
from serving.http.list_evidence import evidence_on, figure_rows, gain_days
from serving.http.state import ServiceState
from serving.store.issued import FACETS, FILTER_COLUMNS, SUM_COLUMNS, IssuedList
from serving.store.withheld import Withheld, withheld_hashes


def current_figures(state: ServiceState, issued: IssuedList, filters: dict[str, str]) -> dict[str, Any]:
    """Return the figures of the rows that pass the filters: rows, treated, control, facets, and sums over treated customers.

    The sums are those of SUM_COLUMNS. `evidence` is what trials say about the gain of the treated customers, and
    `gain_days` over how many days it is counted. `facets` has, by filter and value, the number of treated customers that
    the value would show together with the other filters. A list never changes, so its rows are cached, under keyed hashes;
    the withheld customers are read each time.
    """
    rows = figure_rows(state.engine, issued.list_id, state.identity)
    withheld = withheld_hashes(state.engine, *Withheld)
    allowed = rows.filter(~pl.col(CUSTOMER).is_in(withheld)) if withheld else rows
    shown = _filtered(allowed, filters)
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


def _filtered(rows: pl.DataFrame, filters: dict[str, str]) -> pl.DataFrame:
    return rows.filter(*(pl.col(FILTER_COLUMNS[name]) == value for name, value in filters.items()))


def _facet_counts(rows: pl.DataFrame, name: str, filters: dict[str, str]) -> dict[str, int]:
    other_filters = {other: value for other, value in filters.items() if other != name}
    treated = _filtered(rows, other_filters).filter(arm="treated")
    counts = treated.drop_nulls(FILTER_COLUMNS[name]).group_by(FILTER_COLUMNS[name]).len()
    return dict(counts.sort("len", FILTER_COLUMNS[name], descending=[True, False]).iter_rows())
