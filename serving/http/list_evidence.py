"""What trials say about an issued list, from its rows: for the page, and for each row of a file."""

from functools import lru_cache

import polars as pl
import sqlalchemy as sa

from features.frames.columns import CUSTOMER
from features.storage.hashing import hash_column
from models.track_record import TrackRecord
from serving.http.state import ServiceState
from serving.lists.evidence import row_evidence, run_trials
from serving.store.lists.figures import read_figure_rows
from serving.store.lists.issued import IssuedList
from serving.targeting.evidence import Evidence, Trials, list_evidence, trials_from_json

MAX_CACHED_LISTS = 6  # lists whose rows a worker keeps in memory


@lru_cache(maxsize=MAX_CACHED_LISTS)
def figure_rows(engine: sa.Engine, list_id: str, identity: str) -> pl.DataFrame:
    """Return the rows of a list from which its figures are computed, by rank, under keyed hashes of the customers; cached."""
    return read_figure_rows(engine, list_id, hash_column(CUSTOMER, identity)).sort("rank")


def issued_trials(state: ServiceState, issued: IssuedList) -> Trials:
    """Return the trials that were known when a list was issued; for lists of earlier versions those of their champion."""
    stored = issued.figures.get("evidence")
    return trials_from_json(stored["trials"]) if stored else run_trials(state.settings, issued.model_version)


def issued_record(issued: IssuedList) -> TrackRecord | None:
    """Return how well the forecasts behind a list did on past days; None for lists of earlier versions."""
    stored = issued.figures.get("track_record")
    return None if stored is None else TrackRecord.from_json(stored)


def gain_days(state: ServiceState, issued: IssuedList) -> int:
    """Return over how many days the gains of a list are counted: the value horizon when it was issued."""
    return int(issued.figures.get("value_horizon_days", state.settings.value.horizon_days))


def evidence_on(state: ServiceState, issued: IssuedList, rows: pl.DataFrame) -> Evidence:
    """Return the evidence on the treated ones of some of a list's rows (those of `figure_rows`)."""
    trials, currency = issued_trials(state, issued), state.settings.value.currency
    return list_evidence(rows.filter(arm="treated"), trials, currency, gain_days(state, issued), issued_record(issued))


def evidence_by_rank(state: ServiceState, issued: IssuedList) -> pl.DataFrame:
    """Return `rank` and EVIDENCE_COLUMNS of all rows of a list."""
    rows = figure_rows(state.engine, issued.list_id, state.identity)
    return row_evidence(rows, issued_trials(state, issued))
