"""Product codes unlike the others: postage, fees and samples among the goods."""

import polars as pl

from expectations.check import Measure

MIN_SHARE_WITH_DIGIT = 0.9
DIGIT = r"\d"
MAX_CODES_SHOWN = 5
MAX_CODE_LENGTH = 20


def odd_products(good: pl.LazyFrame) -> dict[str, Measure]:
    """Return the share of rows whose product code has no digit; empty unless nine in ten codes have one."""
    if "product_id" not in good.collect_schema():
        return {}
    codes = good.group_by("product_id").len().drop_nulls().collect(engine="streaming")
    has_digit = codes["product_id"].str.contains(DIGIT)
    if codes.is_empty() or float(has_digit.mean() or 0) < MIN_SHARE_WITH_DIGIT:  # type: ignore[arg-type]  # a share
        return {}
    odd = codes.filter(~has_digit).sort("len", "product_id", descending=[True, False])
    examples = ", ".join(f"{code[:MAX_CODE_LENGTH]} {rows:,}" for code, rows in odd.head(MAX_CODES_SHOWN).iter_rows())
    rows = int(odd["len"].sum())
    detail = f"{rows:,} rows with {odd.height} codes: {examples}" if rows else ""
    return {"odd_products": Measure(rows / int(codes["len"].sum()), detail)}
