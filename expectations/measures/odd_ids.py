"""Customer ids that are not of one person: one id for everybody without an account, and ids that a spreadsheet rounded."""

import polars as pl

from expectations.check import Measure

ID = "customer_id"
MIN_CUSTOMERS = 20
LARGE_SHARE, GAP, MAX_PLACEHOLDERS = 0.05, 10.0, 3
EXACT_DIGITS = 15  # that a spreadsheet keeps of a number


def dominant_customer(orders: pl.LazyFrame) -> Measure:
    """Return the share of the lines or of the money that up to three ids have, far above all others; 0 if none is far above.

    Such an id has at least LARGE_SHARE, and GAP times the share of the next one. The measure names no id.
    """
    amount = pl.col("amount").clip(0).sum() if "amount" in orders.collect_schema() else pl.lit(0.0)
    customers = orders.group_by(ID).agg(pl.len().cast(pl.Float64).alias("lines"), amount.alias("money"))
    per_customer = customers.collect(engine="streaming")
    if per_customer.height < MIN_CUSTOMERS:
        return Measure(0.0)
    shares = {name: _placeholder_shares(per_customer[name]) for name in ("lines", "money")}
    largest = max(shares.values(), key=sum)
    if not largest:
        return Measure(0.0)
    ids = "one customer id has" if len(largest) == 1 else f"{len(largest)} customer ids have"
    totals = ", ".join(f"{sum(found):.0%} of the {name}" for name, found in shares.items() if found)
    hint = "if they stand for everybody without an account, map them to no customer with NULLIF in [columns.transactions]"
    return Measure(sum(largest), f"{ids} {totals}, at least {GAP:g} times as much as any other; {hint}")


def _placeholder_shares(values: pl.Series) -> list[float]:
    """Return the largest shares above a gap; none without one."""
    total = float(values.sum())
    ordered = [float(value) / total for value in values.top_k(MAX_PLACEHOLDERS + 1).sort(descending=True)] if total > 0 else []
    for count in range(1, len(ordered)):
        if min(ordered[:count]) >= max(LARGE_SHARE, GAP * ordered[count]):
            return ordered[:count]
    return []


def rounded_ids(ids: pl.Series) -> Measure:
    """Return the share of the ids with more than EXACT_DIGITS digits that have only zeros beyond them; 0 for few such ids."""
    beyond = ids.filter(ids.str.contains(rf"^\d{{{EXACT_DIGITS + 1},}}$")).str.slice(EXACT_DIGITS)
    if len(beyond) < MIN_CUSTOMERS:
        return Measure(0.0)
    rounded = int(beyond.str.contains("^0+$").sum())
    return Measure(rounded / len(beyond), f"{rounded:,} of {len(beyond):,} long ids")
