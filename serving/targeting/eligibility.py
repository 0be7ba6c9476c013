"""Who may be on a list: rules over earlier lists and contacts of the whole unit, and one customer per unit."""

from dataclasses import dataclass

import polars as pl

from features.frames.columns import CUSTOMER
from serving.targeting.exclusions import Exclusion
from serving.targeting.holds import BY_SERVICE, DAYS_LEFT, IS_OWN_LIST, is_service, with_days_left
from serving.targeting.ordering import BEST_GAIN, IS_WORTH_IT, LEFT_OUT, POSITION, exclude, list_positions
from serving.targeting.units import GROUP, contacts_of_others, match_units

OWNERS = ("service", "marketing")
SINCE = tuple(f"treated_by_{owner}" for owner in OWNERS)  # days ago; the least of a unit counts
LEFT = tuple(f"{state}_by_{owner}" for owner in OWNERS for state in ("held", "paused"))  # days left; the most of a unit counts
LISTED = tuple(f"listed_by_{owner}" for owner in OWNERS)  # customers on this week's lists that were issued before


@dataclass(frozen=True)
class Histories:
    """What is known of the units beside the candidates.

    `earlier` has a row per customer and earlier list (`serving.store.lists.EARLIER_COLUMNS`), `units` UNIT_COLUMNS; `links` are
    those of `unit_links`.
    """

    earlier: pl.DataFrame
    units: pl.DataFrame
    links: pl.DataFrame


def with_exclusions(
    frame: pl.DataFrame, histories: Histories, withheld: pl.Expr, pause_days: int, control_hold_days: int
) -> pl.DataFrame:
    """Return the frame with `left_out`: why a customer may be on no list, null for eligible customers.

    `frame` has the columns of `with_units`. `withheld` says who objected or was erased. `control_hold_days` is also the time
    during which service answers a settled complaint only once.
    """
    checked = _apply_rules(_with_histories(frame, histories, pause_days), withheld, pause_days, control_hold_days)
    return _keep_one_per_unit(checked)


def _with_histories(frame: pl.DataFrame, histories: Histories, pause_days: int) -> pl.DataFrame:
    """Add SINCE, LEFT and LISTED of each customer's unit, `contacted_days` of anyone in it, and the customer's `own_days`.

    Lists of earlier weeks count for the unit, whoever of it was on them and whatever became of that customer. This week's lists
    may be issued again: the customer's own rows count as they are, rows of other members as LISTED. `own_days` is how many days
    ago this very list treated the customer, when it was issued before.
    """
    matched = match_units(histories.earlier, histories.units, histories.links)
    before = with_days_left(matched.filter(~pl.col("this_week")), pl.lit(""), pause_days).group_by(GROUP).agg(*_history())
    joined = (
        frame.join(before, on=GROUP, how="left", maintain_order="left")
        .join(_own_history(frame, histories.earlier, pause_days), on=CUSTOMER, how="left", maintain_order="left", suffix=":own")
        .join(_listed_this_week(matched), on=GROUP, how="left", maintain_order="left", suffix=":unit")
    )
    own_contact = pl.when((pl.col("contacted_days") != pl.col("own_days")).fill_null(value=True)).then("contacted_days")
    return joined.with_columns(
        *(pl.min_horizontal(name, f"{name}:own").alias(name) for name in SINCE),
        *(pl.max_horizontal(name, f"{name}:own").alias(name) for name in LEFT),
        *((pl.col(f"{name}:unit").fill_null(0) - pl.col(name).fill_null(0)).alias(name) for name in LISTED),
        pl.min_horizontal(own_contact, contacts_of_others(frame, histories.units)).alias("contacted_days"),
    )


def _history() -> list[pl.Expr]:
    """Return SINCE and LEFT of a group of rows, without those of this week's own list."""
    is_treated = pl.col("arm") == "treated"
    columns = []
    for owner, owns in zip(OWNERS, (pl.col(BY_SERVICE), ~pl.col(BY_SERVICE)), strict=True):
        others = owns & ~pl.col(IS_OWN_LIST)
        columns += [
            pl.col("days").filter(others & is_treated).min().alias(f"treated_by_{owner}"),
            pl.col(DAYS_LEFT).filter(others & is_treated).max().alias(f"paused_by_{owner}"),
            pl.col(DAYS_LEFT).filter(others & ~is_treated).max().alias(f"held_by_{owner}"),
        ]
    return columns


def _own_history(frame: pl.DataFrame, earlier: pl.DataFrame, pause_days: int) -> pl.DataFrame:
    """Return, per customer, what this week's lists say of the customer: SINCE, LEFT, LISTED and `own_days`."""
    present = frame.select(CUSTOMER, pl.col("target").alias("present"))
    rows = with_days_left(earlier.filter("this_week").join(present, on=CUSTOMER), pl.col("present"), pause_days)
    is_own_treatment = pl.col(IS_OWN_LIST) & (pl.col("arm") == "treated")
    own_days = pl.col("days").filter(is_own_treatment).min().alias("own_days")
    return rows.group_by(CUSTOMER).agg(*_history(), *_listed(), own_days)


def _listed() -> list[pl.Expr]:
    """Return LISTED of a group of rows; all erased customers count as one."""
    of_owner = zip(LISTED, (pl.col(BY_SERVICE), ~pl.col(BY_SERVICE)), strict=True)
    return [pl.col(CUSTOMER).filter(owns).n_unique().cast(pl.Int64).alias(name) for name, owns in of_owner]


def _listed_this_week(matched: pl.DataFrame) -> pl.DataFrame:
    rows = matched.filter("this_week").with_columns(is_service(pl.col("target")).alias(BY_SERVICE))
    return rows.group_by(GROUP).agg(*_listed())


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
        Exclusion.UNCERTAIN_CONSENT: pl.col("barred") == Exclusion.UNCERTAIN_CONSENT,
        Exclusion.NO_CONSENT: pl.col("barred").is_not_null(),
        Exclusion.NO_ACTION: pl.col(BEST_GAIN).is_null(),
        Exclusion.NOT_WORTH_IT: ~pl.col(IS_WORTH_IT),
        Exclusion.HELD_OUT: of_owner("held") > 0,
        Exclusion.ANSWERED: for_service & ~is_open & (of_owner("treated") < control_hold_days),
        Exclusion.CONTACTED: just_contacted | (of_owner("paused") > 0).fill_null(value=False),
        Exclusion.HOUSEHOLD: of_owner("listed") > 0,
    }
    matches = [pl.when(excludes.fill_null(value=False)).then(pl.lit(exclusion.value)) for exclusion, excludes in rules.items()]
    return frame.with_columns(pl.coalesce(*matches, pl.lit(None, pl.String)).alias(LEFT_OUT))


def _keep_one_per_unit(frame: pl.DataFrame) -> pl.DataFrame:
    """Keep the first eligible customer of each unit, in list order."""
    is_eligible = pl.col(LEFT_OUT).is_null()
    position = pl.when(is_eligible).then(POSITION)
    others = is_eligible & (position > position.min().over(GROUP))
    return exclude(frame.with_columns(list_positions(frame)), others, Exclusion.HOUSEHOLD).drop(POSITION)
