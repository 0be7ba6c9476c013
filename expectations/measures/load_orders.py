"""Orders of the accepted load in a new load: gone, restated with another amount, or of another customer."""

import polars as pl

from expectations.check import Measure
from expectations.measures.load_profile import CUSTOMER, DAY, IDS, NET, ORDER, ORDERS, read_part
from expectations.measures.load_rows import lost_history, share_measures
from expectations.measures.load_window import Window

UNIT, KEY = [ORDER, CUSTOMER, DAY], "month_key"
ABSOLUTE_TOLERANCE, RELATIVE_TOLERANCE = 0.005, 1e-6  # less than a cent, and rounding
KEPT, RESTATED, REASSIGNED, MOVED, GONE = "kept", "restated", "reassigned", "moved", "gone"
SHARE_OF_RENAMED = 0.5  # gone orders that others replace: their ids may have been renamed
RETURNING_DAYS = 28
MIN_ORDERS = 50  # of fewer orders, the share of returning customers says little


def order_measures(before: pl.LazyFrame, now: pl.LazyFrame, window: Window, min_orders: int) -> dict[str, Measure]:
    """Return gone_orders, restated_orders and reassigned_orders, each also with many_, lost_history and returning_customers.

    `before` and `now` are the profiles of both loads. Measures are shares of the settled orders of the load before, missing for
    fewer than `min_orders` of them.
    """
    orders_before, orders_now = (read_part(profile, ORDERS).select(*UNIT, NET) for profile in (before, now))
    changes = count_changes(orders_before, orders_now, window)
    covered = changes.filter("covered")
    measures = {"returning_customers": _returning_customers(before, now, window)}
    if covered["orders"].sum() >= max(min_orders, 1):
        rows_now = orders_now.filter(window.covered).select(pl.len()).collect(engine="streaming").item()
        measures |= _changed_shares(covered, window, rows_now, min_orders)
    if changes["orders"].sum() >= max(min_orders, 1):
        measures["lost_history"] = _history(changes, window)
    return {name: measure for name, measure in measures.items() if measure is not None}


def count_changes(before: pl.LazyFrame, now: pl.LazyFrame, window: Window) -> pl.DataFrame:
    """Return the settled orders of the load before per month, coverage and change, with their net amounts in both loads.

    `covered` is false for orders from before the new load starts. An order is restated if its net amount changed, reassigned if
    it belongs to another customer, moved if it is on another day, gone if the new load does not have it.
    """
    settled = [orders.filter(pl.col(DAY) <= window.settled).with_columns(_month_key(window)) for orders in (before, now)]
    months = [_month_contents(orders) for orders in settled]
    unchanged = months[0].join(months[1], on=[KEY, "orders", "content"], how="semi")
    in_changed = ~pl.col(KEY).is_in(unchanged[KEY].implode())
    changed, changed_now = (orders.filter(in_changed).drop(KEY) for orders in settled)
    paired = changed.join(changed_now, on=UNIT, suffix="_now")
    tolerance = ABSOLUTE_TOLERANCE + RELATIVE_TOLERANCE * pl.col(NET).abs()
    is_restated = (pl.col("net_now") - pl.col(NET)).abs() > tolerance
    change = pl.when(is_restated).then(pl.lit(RESTATED)).otherwise(pl.lit(KEPT)).alias("change")
    missing = changed.join(changed_now, on=UNIT, how="anti").collect(engine="streaming")
    counts = [_count(frame, window) for frame in [paired.with_columns(change), *_missing(missing, now)]]
    return pl.concat([_count_kept(unchanged, window), *counts])


def _month_key(window: Window) -> pl.Expr:
    """Return a number per month and coverage."""
    return ((pl.col(DAY).dt.year() * 12 + pl.col(DAY).dt.month()) * 2 + window.covered.cast(pl.Int32)).alias(KEY)


def _month_contents(orders: pl.LazyFrame) -> pl.DataFrame:
    """Return a hash of the orders per month key: a month with the same hash has the same orders, and needs no join."""
    content = pl.struct(*UNIT, pl.col(NET).round(2)).hash().sum().alias("content")
    counts = [pl.len().cast(pl.Int64).alias("orders"), content, pl.col(DAY).min(), pl.col(NET).sum()]
    return orders.group_by(KEY).agg(counts).collect(engine="streaming")


def _count_kept(months: pl.DataFrame, window: Window) -> pl.DataFrame:
    return months.select(
        window.covered.alias("covered"),
        pl.col(DAY).dt.strftime("%Y-%m").alias("month"),
        pl.lit(KEPT).alias("change"),
        "orders",
        NET,
        pl.col(NET).alias("net_now"),
        pl.lit(0.0).alias("log_sum"),
        pl.lit(0, pl.Int64).alias("positive"),
    )


def _missing(missing: pl.DataFrame, now: pl.LazyFrame) -> list[pl.LazyFrame]:
    """Return the orders without their pair in the new load, split by what became of them."""
    if missing.is_empty():
        return []
    unpaired = missing.lazy().with_columns(pl.lit(None, pl.Float64).alias("net_now"))
    same_day = [ORDER, DAY]
    elsewhere = unpaired.join(now, on=same_day, how="anti")
    frames = {
        REASSIGNED: unpaired.join(now, on=same_day, how="semi"),
        MOVED: elsewhere.join(now, on=ORDER, how="semi"),
        GONE: elsewhere.join(now, on=ORDER, how="anti"),
    }
    return [frame.with_columns(pl.lit(change).alias("change")) for change, frame in frames.items()]


def _count(orders: pl.LazyFrame, window: Window) -> pl.DataFrame:
    log_factor = pl.when((pl.col(NET) > 0) & (pl.col("net_now") > 0)).then((pl.col("net_now") / pl.col(NET)).log())
    keys = [window.covered.alias("covered"), pl.col(DAY).dt.strftime("%Y-%m").alias("month"), pl.col("change")]
    sums = [
        pl.len().cast(pl.Int64).alias("orders"),
        pl.col(NET).sum(),
        pl.col("net_now").sum(),
        log_factor.sum().alias("log_sum"),
        log_factor.count().cast(pl.Int64).alias("positive"),
    ]
    return orders.group_by(keys).agg(sums).collect(engine="streaming")


def _changed_shares(changes: pl.DataFrame, window: Window, orders_now: int, min_orders: int) -> dict[str, Measure]:
    """Return the shares of orders that are gone, restated and reassigned."""
    kinds = {"gone_orders": [GONE, MOVED], "restated_orders": [RESTATED], "reassigned_orders": [REASSIGNED]}
    restated = changes.filter(pl.col("change") == RESTATED)
    endings = {"gone_orders": _missing_orders(changes, orders_now), "restated_orders": _restated_amounts(restated)}
    measures: dict[str, Measure] = {}
    for name, kind in kinds.items():
        affected = pl.when(pl.col("change").is_in(kind)).then("orders").otherwise(0).alias("affected")
        months = changes.select("month", pl.col("orders").alias("rows"), affected)
        measures |= share_measures(name, months, window, min_orders, "orders", endings.get(name, ""))
    return measures


def _missing_orders(changes: pl.DataFrame, orders_now: int) -> str:
    """Return in words what may have become of missing orders."""
    orders, gone, moved = (
        int(changes.filter(pl.col("change").is_in(kinds))["orders"].sum())
        for kinds in ([KEPT, RESTATED, REASSIGNED, MOVED, GONE], [GONE], [MOVED])
    )
    if gone > SHARE_OF_RENAMED * orders and orders_now >= orders:
        return "; these days have as many orders as before, so order ids may have been renamed"
    return f"; {moved:,} moved to another day" if moved else ""


def _restated_amounts(restated: pl.DataFrame) -> str:
    """Return in words how the amounts of restated orders changed."""
    if restated.is_empty():
        return ""
    pairs = int(restated["positive"].sum())
    factor = restated.select((pl.col("log_sum").sum() / pl.col("positive").sum()).exp()).item()
    typical = f", typically by a factor of {factor:.3g}" if pairs else ""
    return f"; their total went from {restated[NET].sum():z,.2f} to {restated['net_now'].sum():z,.2f}{typical}"


def _history(changes: pl.DataFrame, window: Window) -> Measure:
    lost = int(changes.filter(~pl.col("covered"), pl.col("change").is_in([GONE, MOVED]))["orders"].sum())
    orders = int(changes["orders"].sum())
    return lost_history(window, lost, orders, "orders")


def _returning_customers(before: pl.LazyFrame, now: pl.LazyFrame, window: Window) -> Measure | None:
    """Compare the share of new orders whose customer is known with the same share in the last four weeks of the load before.

    Return 1 for an equal share, None if too few orders can be compared.
    """
    known = read_part(before, IDS).select(CUSTOMER, "first")
    last_weeks = pl.lit(window.last_before) - pl.duration(days=RETURNING_DAYS)
    recent = read_part(before, ORDERS).select(CUSTOMER, DAY).filter(pl.col(DAY) > last_weeks).join(known, on=CUSTOMER)
    expected, orders_before = _share(recent.select(pl.col("first") <= last_weeks))
    new_orders = read_part(now, ORDERS).select(CUSTOMER, DAY).filter(pl.col(DAY) > window.last_before)
    new = new_orders.join(known, on=CUSTOMER, how="left")
    share, orders = _share(new.select(pl.col("first").is_not_null()))
    if min(orders, orders_before) < MIN_ORDERS or not expected:
        return None
    detail = (
        f"{share:z.0%} of {orders:,} orders after {window.last_before} are of customers that the load of {window.load_day} has"
    )
    return Measure(share / expected, f"{detail}; in its last {RETURNING_DAYS} days {expected:z.0%} were of earlier customers")


def _share(flags: pl.LazyFrame) -> tuple[float, int]:
    flag = pl.first()
    share, count = flags.select(flag.mean().alias("share"), pl.len().alias("count")).collect(engine="streaming").row(0)
    return share or 0.0, count
