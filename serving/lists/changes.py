"""What changed since the list of an earlier week: who is new, and why others are gone."""

from collections import Counter
from typing import Any

import polars as pl
import sqlalchemy as sa

from features.frames.columns import CUSTOMER
from serving.schemas.list_kind import TARGET_BY_KIND, ListKind
from serving.store.lists.issued import IssuedList
from serving.store.lists.precedence import effective_lists
from serving.store.lists.rows import list_members
from serving.store.runs import Run
from serving.store.targets import read_recency
from serving.targeting.exclusions import Exclusion

OBJECTED = Exclusion.OBJECTED.value
BOUGHT, ERASED, RECOVERED = "bought", "erased", "no_longer"
CHANGE_PHRASES = {
    BOUGHT: "have bought since",
    ERASED: "were erased or no longer have a score",
    RECOVERED: "are no longer at risk",
    "on_recovery": "have complained and are on the recovery list",
    "on_retention": "are existing customers at risk again",
    "on_win_back": "became former customers and are on the win-back list",
}


def compare_with_previous_list(
    engine: sa.Engine, run: Run, decided: pl.DataFrame, kind: ListKind, week: str
) -> dict[str, Any] | None:
    """Return how many customers joined, stayed on and left the list since its newest earlier week; None without an earlier one.

    `decided` is a plan's frame. Every customer on the earlier list counts once: as staying, or as gone for the first reason that
    applies (CHANGE_PHRASES or an Exclusion).
    """
    previous = _previous_list(engine, kind, week)
    if previous is None:
        return None
    target = TARGET_BY_KIND[kind].value
    members, erased = list_members(engine, previous.list_id)
    listed = decided.filter(pl.col("left_out").is_null(), pl.col("target") == target)[CUSTOMER]
    gone = members.filter(~members.is_in(listed.implode()))
    stayed = len(members) - len(gone)
    reasons = _count_reasons(engine, run, decided, gone, target, (run.as_of - previous.data_as_of).days)
    return {
        "list_id": previous.list_id,
        "week": previous.week,
        "new": len(listed) - stayed,
        "stayed": stayed,
        "gone": dict(sorted((reasons + Counter({ERASED: erased} if erased else {})).items())),
    }


def _previous_list(engine: sa.Engine, kind: ListKind, week: str) -> IssuedList | None:
    """Return the effective list of the newest earlier week."""
    earlier = [issued for issued in effective_lists(engine) if issued.kind == kind and issued.week < week]
    return max(earlier, key=lambda issued: issued.week, default=None)


def _count_reasons(engine: sa.Engine, run: Run, decided: pl.DataFrame, gone: pl.Series, target: str, days: int) -> Counter[str]:
    """Return the number of gone customers by reason; `days` have passed between the data of the two lists."""
    in_run = read_recency(engine, run, gone.to_list()).with_columns(pl.lit(value=True).alias("in_run"))
    decisions = gone.to_frame(CUSTOMER).join(decided.select(CUSTOMER, "target", "left_out"), on=CUSTOMER, how="left")
    reason = (
        pl.when(pl.col("in_run").is_null())
        .then(pl.lit(ERASED))
        .when((pl.col("left_out") == OBJECTED) | pl.col("recency_days").is_null())  # a row without a score means an objection
        .then(pl.lit(OBJECTED))
        .when(pl.col("recency_days") <= days)
        .then(pl.lit(BOUGHT))
        .when(pl.col("target").is_null())
        .then(pl.lit(RECOVERED))
        .when(pl.col("target") != target)
        .then(pl.format("on_{}", "target"))
        .otherwise(pl.col("left_out"))
    )
    return Counter(decisions.join(in_run, on=CUSTOMER, how="left").select(reason.alias("reason"))["reason"].to_list())
