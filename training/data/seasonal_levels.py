"""The level of the window ahead, foretold from how far the order models were off lately, and at this time a year ago."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from features.btyd_summary import purchase_histories
from features.frames.columns import CUSTOMER, DAY
from features.frames.encoded import EncodedTables
from features.frames.purchases import days_in_order, occasions, total
from features.labels import with_waits
from features.point_in_time import known_before
from models.btyd.pair import BuyTillYouDie
from models.btyd.seasonal_level import SeasonalOffset, observed_offset
from models.errors import TooLittleDataError
from models.snapshot import MIN_CUSTOMERS
from training.data.contact_censoring import untreated

LATELY = 3  # a third of the horizon
# Of a slump seen in the last third of a horizon half is expected to last, of that of the last whole one a fifth: on Online
# Retail any sum of .5 to .8, leaning on the newest, foretells about as well (docs/training.md). Surges do not last, neither
# there (the weeks before Christmas) nor on CDNOW (a spring sale): nothing of them is expected to.
LASTS_LATELY, LASTS_WHOLE = 0.5, 0.2
# How much of last year's change of level is expected to come again, and from how much history before it on it tells anything.
COMES_AGAIN = 0.8
TELLS_FROM, TELLS_ALL = 120, 240
YEAR = 365


@dataclass(frozen=True)
class Seen:
    """What levels are told from: a row per customer and day with a purchase, and the contacts where there is such a table."""

    days: pl.DataFrame
    contacts: pl.LazyFrame | None = None


def predicted_offset(encoded: EncodedTables, day: date, horizon_days: int) -> SeasonalOffset:
    """Return the level expected of [day, day + horizon), from what was known before `day`.

    Part of a slump of late lasts, nothing of a surge. Where the log is long enough, the change of level that
    followed this day a year ago beyond that is expected to come again, mostly: the season.
    """
    known = known_before(encoded.tables, day)
    days = occasions(days_in_order(known.transactions).lazy()).collect(engine="streaming")
    if days.is_empty():
        return SeasonalOffset()
    seen = Seen(days, known.contacts)
    first: date = days[DAY].min()  # type: ignore[assignment]  # the minimum of dates is one
    lasting = _lasting(seen, day, horizon_days)
    then = day - timedelta(days=YEAR)
    tells = float(np.clip(((then - first).days - TELLS_FROM) / (TELLS_ALL - TELLS_FROM), 0, 1))
    if not tells or horizon_days > YEAR:
        return lasting
    came = offset_as_of(seen, then, horizon_days) + _lasting(seen, then, horizon_days).times(-1)
    return lasting + came.times(COMES_AGAIN * tells)


def _lasting(seen: Seen, day: date, horizon_days: int) -> SeasonalOffset:
    lately, whole = max(horizon_days // LATELY, 1), horizon_days
    found = (offset_as_of(seen, day - timedelta(days=length), length) for length in (lately, whole))
    return sum(
        (level.slump().times(share) for level, share in zip(found, (LASTS_LATELY, LASTS_WHOLE), strict=True)), SeasonalOffset()
    )


def offset_as_of(seen: Seen, day: date, length: int) -> SeasonalOffset:
    """Return the level of [day, day + length) against order models of what was before; none where little was.

    Where there are enough of them, only customers whom nobody contacted in the window tell it.
    """
    before = purchase_histories(seen.days, day)
    if before.height < MIN_CUSTOMERS:
        return SeasonalOffset()
    try:
        foretold = BuyTillYouDie.fit(before).with_columns(before, length)
    except TooLittleDataError:
        return SeasonalOffset()
    came = _came(foretold, seen, day, length)
    expected = (came["btyd_expected_orders"] * came["btyd_expected_spend"]).to_numpy()
    silent, spend = came["came"].is_null().cast(pl.Float64).to_numpy(), came["came"].fill_null(0.0).to_numpy()
    return observed_offset(came["btyd_p_no_order"].to_numpy(), silent, expected, spend)


def _came(foretold: pl.DataFrame, seen: Seen, day: date, length: int) -> pl.DataFrame:
    window = seen.days.filter(pl.col(DAY).is_between(day, day + timedelta(days=length), closed="left"))
    spent = window.group_by(CUSTOMER).agg(total(pl.col("spend")).alias("came"))
    came = foretold.join(spent, on=CUSTOMER, how="left", maintain_order="left")
    if seen.contacts is None:
        return came
    orders = window.lazy().select(CUSTOMER, pl.col(DAY).cast(pl.Datetime("us")).alias("ordered_at"))
    bare = untreated(with_waits(came.lazy(), orders, seen.contacts, day, length).collect().sort(CUSTOMER), length)
    return bare if bare.height >= MIN_CUSTOMERS else came
