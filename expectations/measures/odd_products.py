"""Product codes unlike the others: postage, fees and samples that stand among the goods."""

import polars as pl

from expectations.check import Measure

MOST = 0.9
DIGITS = r"\d"
SHOWN = 5


def odd_products(good: pl.LazyFrame) -> dict[str, Measure]:
    """Count the share of rows whose product code has no digit, where nine in ten codes have one; else nothing."""
    if "product_id" not in good.collect_schema():
        return {}
    codes = good.group_by("product_id").len().drop_nulls().collect(engine="streaming")
    has_digit = codes["product_id"].str.contains(DIGITS)
    if codes.is_empty() or float(has_digit.mean() or 0) < MOST:  # type: ignore[arg-type]  # a share
        return {}
    odd = codes.filter(~has_digit).sort("len", "product_id", descending=[True, False])
    named = ", ".join(f"{code[:20]} {rows:,}" for code, rows in odd.head(SHOWN).iter_rows())
    rows = int(odd["len"].sum())
    said = f"{rows:,} rows with {odd.height} codes: {named}" if rows else ""
    return {"odd_products": Measure(rows / int(codes["len"].sum()), said)}
