"""Who may come on a list at all: rule after rule, over what earlier lists and contacts did, and once per household."""

import polars as pl

from features.frames.columns import CUSTOMER
from serving.targeting.exclusions import Exclusion
from serving.targeting.ordering import BEST, PLACE, SERVICE, WHY, exclude, placed

SHARED = ("contacted_days", "treated_by_service", "treated_by_marketing", "held_by_service", "held_by_marketing")


def with_reasons(
    frame: pl.DataFrame, earlier: pl.DataFrame, withheld: pl.Expr, pause_days: int, hold_out_days: int
) -> pl.DataFrame:
    """Return the frame with `left_out`: why a customer comes on no list, null for those who may.

    `earlier` has a row per customer and earlier list (`serving.store.issued.EARLIER`); `withheld` tells who objected.
    """
    known = frame.join(_history(earlier, frame), on=CUSTOMER, how="left", maintain_order="left")
    ruled = _ruled(_shared(known), withheld, pause_days, hold_out_days)
    return _one_per(_one_per(ruled, "household"), "contact_point")


def _history(earlier: pl.DataFrame, customers: pl.DataFrame) -> pl.DataFrame:
    """Per customer, how long ago service and marketing treated it last, and how far its time of being held out is over.

    Negative: not yet. `own_days` is how long ago this very list, made before in the same week, treated it.
    """
    again = pl.col("this_week") & (pl.col("target") == pl.col("present"))
    present = customers.select(CUSTOMER, pl.col("target").alias("present"))
    rows = earlier.join(present, on=CUSTOMER).with_columns(again.alias("again"))
    service, treated = pl.col("target").is_in([each.value for each in SERVICE]), pl.col("arm") == "treated"
    told = {"own_days": pl.col("days").filter(pl.col("again") & treated).min()}
    for who, by_them in (("service", service), ("marketing", ~service)):
        others = by_them & ~pl.col("again")
        told |= {
            f"treated_by_{who}": pl.col("days").filter(others & treated).min(),
            f"held_by_{who}": (pl.col("days") - pl.col("hold")).filter(others & ~treated).min(),
        }
    return rows.group_by(CUSTOMER).agg(**told)


def _shared(frame: pl.DataFrame) -> pl.DataFrame:
    """What one of a household or contact point was sent, the others got too; and so with being held out."""
    own = pl.col("contacted_days") != pl.col("own_days")  # this week's list, made before, is no contact to wait after
    known = frame.with_columns(pl.when(own.fill_null(value=True)).then("contacted_days").alias("contacted_days"))
    for group in ("household", "contact_point"):
        alone = pl.col(group).is_null()
        known = known.with_columns(
            pl.when(alone).then(name).otherwise(pl.col(name).min().over(group)).alias(name) for name in SHARED
        )
    return known


def _ruled(frame: pl.DataFrame, withheld: pl.Expr, pause: int, hold: int) -> pl.DataFrame:
    """Ask rule after rule; the first that leaves a customer out is the reason.

    A complaint is not left to wait because marketing wrote last week: service looks at its own lists alone. One that was settled
    badly is answered once, not every few weeks.
    """
    service = pl.col("target").is_in([each.value for each in SERVICE])
    own = {what: pl.when(service).then(f"{what}_by_service").otherwise(f"{what}_by_marketing") for what in ("treated", "held")}
    contacted = pl.when(~service).then("contacted_days")
    rules = {
        Exclusion.OBJECTED: withheld,
        Exclusion.NO_CONSENT: pl.col("barred").is_not_null(),
        Exclusion.NO_ACTION: pl.col(BEST).is_null(),
        Exclusion.NOT_WORTH_IT: ~service & (pl.col(BEST) <= 0),
        Exclusion.HELD_OUT: own["held"] < 0,
        Exclusion.ANSWERED: service & ~(pl.col("open_complaints") > 0).fill_null(value=False) & (own["treated"] < hold),
        Exclusion.CONTACTED: pl.min_horizontal(contacted, own["treated"]) < pause,
    }
    said = [pl.when(broken.fill_null(value=False)).then(pl.lit(why.value)) for why, broken in rules.items()]
    return frame.with_columns(pl.coalesce(*said, pl.lit(None, pl.String)).alias(WHY))


def _one_per(frame: pl.DataFrame, group: str) -> pl.DataFrame:
    """Of those who share a group, the first in order stays."""
    still = pl.col(WHY).is_null() & pl.col(group).is_not_null()
    place = pl.when(still).then(PLACE)
    others = still & (place > place.min().over(group))
    return exclude(frame.with_columns(placed(frame)), others, Exclusion.HOUSEHOLD).drop(PLACE)
