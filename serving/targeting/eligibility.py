"""Who may be on a list: rules over earlier lists and contacts, and one customer per household and contact point."""

import polars as pl

from features.frames.columns import CUSTOMER
from serving.targeting.exclusions import Exclusion
from serving.targeting.holds import BY_SERVICE, DAYS_LEFT, IS_OWN_LIST, is_service, with_days_left
from serving.targeting.ordering import BEST_GAIN, LEFT_OUT, POSITION, exclude, list_positions

SINCE = ("contacted_days", "treated_by_service", "treated_by_marketing")  # days ago; the least of a group counts
LEFT = ("held_by_service", "held_by_marketing", "paused_by_service", "paused_by_marketing")  # days left; the most counts


def with_exclusions(
    frame: pl.DataFrame, earlier: pl.DataFrame, withheld: pl.Expr, pause_days: int, control_hold_days: int
) -> pl.DataFrame:
    """Return the frame with `left_out`: why a customer may be on no list, null for eligible customers.

    `earlier` has a row per customer and earlier list (`serving.store.issued.EARLIER_COLUMNS`); `withheld` says who objected or
    was erased. `control_hold_days` is also the time during which service answers a settled complaint only once.
    """
    with_lists = frame.join(_list_history(earlier, frame, pause_days), on=CUSTOMER, how="left", maintain_order="left")
    checked = _apply_rules(_share_within_groups(with_lists), withheld, pause_days, control_hold_days)
    return _keep_one_per(_keep_one_per(checked, "household"), "contact_point")


def _list_history(earlier: pl.DataFrame, customers: pl.DataFrame, pause_days: int) -> pl.DataFrame:
    """Return, per customer, SINCE and LEFT from earlier lists, and `own_days`.

    `own_days` is how many days ago this very list treated the customer, when it was issued before in the same week.
    """
    present = customers.select(CUSTOMER, pl.col("target").alias("present"))
    rows = with_days_left(earlier.join(present, on=CUSTOMER), pl.col("present"), pause_days)
    is_treated, is_own = pl.col("arm") == "treated", pl.col(IS_OWN_LIST)
    columns = {"own_days": pl.col("days").filter(is_own & is_treated).min()}
    for owner, owns in (("service", pl.col(BY_SERVICE)), ("marketing", ~pl.col(BY_SERVICE))):
        others = owns & ~is_own
        columns |= {
            f"treated_by_{owner}": pl.col("days").filter(others & is_treated).min(),
            f"paused_by_{owner}": pl.col(DAYS_LEFT).filter(others & is_treated).max(),
            f"held_by_{owner}": pl.col(DAYS_LEFT).filter(others & ~is_treated).max(),
        }
    return rows.group_by(CUSTOMER).agg(**columns)


def _share_within_groups(frame: pl.DataFrame) -> pl.DataFrame:
    """Count contacts and holds of one customer for all who share the household or contact point."""
    by_others = pl.col("contacted_days") != pl.col("own_days")  # not the contact by this week's list, issued before
    shared = frame.with_columns(pl.when(by_others.fill_null(value=True)).then("contacted_days").alias("contacted_days"))
    for group in ("household", "contact_point"):
        is_alone = pl.col(group).is_null()
        newest = (pl.when(is_alone).then(name).otherwise(pl.col(name).min().over(group)).alias(name) for name in SINCE)
        longest = (pl.when(is_alone).then(name).otherwise(pl.col(name).max().over(group)).alias(name) for name in LEFT)
        shared = shared.with_columns(*newest, *longest)
    return shared


def _apply_rules(frame: pl.DataFrame, withheld: pl.Expr, pause_days: int, control_hold_days: int) -> pl.DataFrame:
    """Set `left_out` to the first rule that excludes a customer.

    Service looks at its own lists only. It answers a complaint that was settled to dissatisfaction once, not every few weeks.
    """
    for_service = is_service(pl.col("target"))

    def of_owner(name: str) -> pl.Expr:
        return pl.when(for_service).then(f"{name}_by_service").otherwise(f"{name}_by_marketing")

    is_open = (pl.col("open_complaints") > 0).fill_null(value=False)
    just_contacted = (~for_service & (pl.col("contacted_days") < pause_days)).fill_null(value=False)
    rules = {
        Exclusion.OBJECTED: withheld,
        Exclusion.NO_CONSENT: pl.col("barred").is_not_null(),
        Exclusion.NO_ACTION: pl.col(BEST_GAIN).is_null(),
        Exclusion.NOT_WORTH_IT: ~for_service & (pl.col(BEST_GAIN) <= 0),
        Exclusion.HELD_OUT: of_owner("held") > 0,
        Exclusion.ANSWERED: for_service & ~is_open & (of_owner("treated") < control_hold_days),
        Exclusion.CONTACTED: just_contacted | (of_owner("paused") > 0).fill_null(value=False),
    }
    matches = [pl.when(excludes.fill_null(value=False)).then(pl.lit(exclusion.value)) for exclusion, excludes in rules.items()]
    return frame.with_columns(pl.coalesce(*matches, pl.lit(None, pl.String)).alias(LEFT_OUT))


def _keep_one_per(frame: pl.DataFrame, group: str) -> pl.DataFrame:
    """Keep the first eligible customer of each group, in list order."""
    is_eligible = pl.col(LEFT_OUT).is_null() & pl.col(group).is_not_null()
    position = pl.when(is_eligible).then(POSITION)
    others = is_eligible & (position > position.min().over(group))
    return exclude(frame.with_columns(list_positions(frame)), others, Exclusion.HOUSEHOLD).drop(POSITION)
