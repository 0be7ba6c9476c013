"""What changed against the list of the week before: who is new, and why others are gone."""

from collections import Counter
from typing import Any

import polars as pl
import sqlalchemy as sa

from features.frames.columns import CUSTOMER
from serving.schemas.list_kind import TARGET_OF, ListKind
from serving.store.issued import IssuedList, counting_lists, customers_on
from serving.store.runs import Run
from serving.store.targets import recency_of
from serving.targeting.exclusions import Exclusion

OBJECTED = Exclusion.OBJECTED.value
BOUGHT, ERASED, RECOVERED = "bought", "erased", "no_longer"
SENTENCES = {
    BOUGHT: "bought since",
    ERASED: "were erased, or have no score any more",
    RECOVERED: "are no longer at risk",
    "on_recovery": "complained and are on the recovery list",
    "on_retention": "are existing customers at risk again",
    "on_win_back": "became former customers, and are to be won back",
}


def changes(engine: sa.Engine, run: Run, decided: pl.DataFrame, kind: ListKind, week: str) -> dict[str, Any] | None:
    """Return how the list of a kind differs from its newest of an earlier week, in numbers; None where there was none.

    `decided` is a plan's frame. Everybody who was on the list before is counted once: as staying, or as gone for the first
    reason that holds.
    """
    before = _before(engine, kind, week)
    if before is None:
        return None
    target = TARGET_OF[kind].value
    was, erased = customers_on(engine, before.list_id)
    listed = decided.filter(pl.col("left_out").is_null(), pl.col("target") == target)[CUSTOMER]
    gone = was.filter(~was.is_in(listed.implode()))
    why = _why(engine, run, decided, gone, target, (run.as_of - before.data_as_of).days)
    return {
        "list_id": before.list_id,
        "week": before.week,
        "new": len(listed) - (len(was) - len(gone)),
        "stayed": len(was) - len(gone),
        "gone": dict(sorted((why + Counter({ERASED: erased} if erased else {})).items())),
    }


def _before(engine: sa.Engine, kind: ListKind, week: str) -> IssuedList | None:
    """The newest list of an earlier week that counts as acted on."""
    earlier = [each for each in counting_lists(engine) if each.kind == kind and each.week < week]
    return max(earlier, key=lambda each: each.week, default=None)


def _why(engine: sa.Engine, run: Run, decided: pl.DataFrame, gone: pl.Series, target: str, days: int) -> Counter[str]:
    known = recency_of(engine, run, gone.to_list()).with_columns(pl.lit(value=True).alias("known"))
    told = gone.to_frame(CUSTOMER).join(decided.select(CUSTOMER, "target", "left_out"), on=CUSTOMER, how="left")
    reason = (
        pl.when(pl.col("known").is_null())
        .then(pl.lit(ERASED))
        .when((pl.col("left_out") == OBJECTED) | pl.col("recency_days").is_null())  # who is known and has no score objected
        .then(pl.lit(OBJECTED))
        .when(pl.col("recency_days") <= days)
        .then(pl.lit(BOUGHT))
        .when(pl.col("target").is_null())
        .then(pl.lit(RECOVERED))
        .when(pl.col("target") != target)
        .then(pl.format("on_{}", "target"))
        .otherwise(pl.col("left_out"))
    )
    return Counter(told.join(known, on=CUSTOMER, how="left").select(reason.alias("why"))["why"].to_list())
