"""What is in the basket: size and breadth, prices and places, and how these have changed recently."""

from datetime import date

import polars as pl

from features.families.feature import Feature
from features.frames.columns import CUSTOMER
from features.frames.modes import shares
from features.frames.purchases import SHARE_DECIMALS, is_sale_line, total
from features.frames.sorted_runs import pack_keys
from features.norms import Norms, row_norm

FAMILY = "basket"
RECENT_DAYS = 180
RECENT_PERIOD = f"the last {RECENT_DAYS} days"
NO_PURCHASE_OR_NO = "no purchase yet, or the table has no"
NO_COMPARISON_OR_NO = f"no purchase in {RECENT_PERIOD} or none before, or the table has no"
DISTINCT_COUNTS = {"product_id": "products", "brand": "brands"}
MIXES = {"channel": "channels", "store": "stores", "region": "regions", "category": "categories"}


def _mix_features(singular: str, plural: str) -> tuple[Feature, ...]:
    change = f"How far the mix of {plural} has changed in {RECENT_PERIOD}: 0 not at all, 1 nothing in common with before"
    return (
        Feature(plural, plural, f"Distinct {plural} in the sale lines", f"{NO_PURCHASE_OR_NO} {singular}"),
        Feature(
            f"{singular}_share",
            "share",
            f"Share of sale lines with the most common {singular}",
            f"{NO_PURCHASE_OR_NO} {singular}",
        ),
        Feature(f"{singular}_change", "share", change, f"{NO_COMPARISON_OR_NO} {singular}"),
    )


FEATURES = (
    Feature("lines_per_order", "lines", "Sale lines per day with a purchase"),
    Feature("items_per_order", "items", "Quantity bought per day with a purchase", f"{NO_PURCHASE_OR_NO} quantity"),
    Feature("mean_unit_price", "currency", "Average unit price of the sale lines", f"{NO_PURCHASE_OR_NO} unit_price"),
    Feature(
        "price_level",
        "ratio",
        "Unit prices paid divided by the company's average in the same categories; above 1 the customer buys dearer products",
        f"{NO_PURCHASE_OR_NO} unit_price",
    ),
    Feature(
        "price_change",
        "ratio",
        f"Average unit price in {RECENT_PERIOD} divided by the average before",
        f"{NO_COMPARISON_OR_NO} unit_price",
    ),
    Feature("discount_share", "share", "Share of sale lines bought at a discount", f"{NO_PURCHASE_OR_NO} discount"),
    Feature(
        "discount_change",
        "share",
        f"Share of sale lines bought at a discount in {RECENT_PERIOD}, minus the share before",
        f"{NO_COMPARISON_OR_NO} discount",
    ),
    Feature("products", "products", "Distinct products bought", f"{NO_PURCHASE_OR_NO} product_id"),
    Feature(
        "repeat_share",
        "share",
        "Share of sale lines of a product that the customer bought before",
        f"{NO_PURCHASE_OR_NO} product_id",
    ),
    Feature("brands", "brands", "Distinct brands bought", f"{NO_PURCHASE_OR_NO} brand"),
    *(feature for singular, plural in MIXES.items() for feature in _mix_features(singular, plural)),
)


def basket(transactions: pl.LazyFrame, occasions: pl.LazyFrame, as_of: date, norms: Norms) -> list[pl.LazyFrame]:
    """Return frames of basket columns per customer with a purchase; columns without source data are missing.

    `transactions` are those of EncodedTables, known before `as_of`. Recent means the last 180 days.
    """
    columns = transactions.collect_schema().names()
    age = (pl.lit(as_of) - pl.col("ordered_at").dt.date()).dt.total_days()
    lines = transactions.filter(is_sale_line(columns)).with_columns((age <= RECENT_DAYS).alias("recent"))
    frames = [_order_size(lines, occasions, columns)]
    frames += [_prices(lines, columns, norms)] if "unit_price" in columns else []
    frames += [_discounts(lines)] if "discount" in columns else []
    frames += [_distinct_counts(lines, column) for column in DISTINCT_COUNTS if column in columns]
    return frames + [_mix(lines, singular, plural) for singular, plural in MIXES.items() if singular in columns]


def _order_size(lines: pl.LazyFrame, occasions: pl.LazyFrame, columns: list[str]) -> pl.LazyFrame:
    items = [total(pl.col("quantity")).alias("items")] if "quantity" in columns else []
    sums = lines.group_by(CUSTOMER).agg(pl.len().cast(pl.Int64).alias("lines"), *items)
    orders = occasions.group_by(CUSTOMER).agg(pl.len().cast(pl.Int64).alias("orders"))
    per_order = [(pl.col(name) / pl.col("orders")).alias(f"{name}_per_order") for name in ("lines", "items")[: 1 + len(items)]]
    return sums.join(orders, on=CUSTOMER).select(CUSTOMER, *per_order)


def _prices(lines: pl.LazyFrame, columns: list[str], norms: Norms) -> pl.LazyFrame:
    price = pl.col("unit_price")
    norm = pl.when(price.is_not_null()).then(row_norm("category", columns, norms.category_unit_price, norms.unit_price))
    recent, earlier = pl.when("recent").then(price), pl.when(~pl.col("recent")).then(price)
    prices = lines.select(CUSTOMER, price.alias("all"), norm.alias("norm"), recent.alias("recent"), earlier.alias("earlier"))
    means = [_mean(name).alias(name) for name in ("all", "recent", "earlier")]
    level = (total(pl.col("all")) / total(pl.col("norm"))).alias("price_level")
    by_customer = prices.group_by(CUSTOMER).agg(*means, level)
    change = pl.when(pl.col("earlier") > 0).then(pl.col("recent") / pl.col("earlier"))
    finite_level = pl.when(pl.col("price_level").is_finite()).then("price_level")
    return by_customer.select(CUSTOMER, pl.col("all").alias("mean_unit_price"), finite_level, change.alias("price_change"))


def _discounts(lines: pl.LazyFrame) -> pl.LazyFrame:
    discounted = pl.col("discount").fill_null(0) > 0
    recent, earlier = pl.when("recent").then(discounted), pl.when(~pl.col("recent")).then(discounted)
    flags = lines.select(CUSTOMER, discounted.alias("all"), recent.alias("recent"), earlier.alias("earlier"))
    means = flags.group_by(CUSTOMER).agg(_mean(name).alias(name) for name in ("all", "recent", "earlier"))
    change = (pl.col("recent") - pl.col("earlier")).alias("discount_change")
    return means.select(CUSTOMER, pl.col("all").alias("discount_share"), change)


def _mean(name: str) -> pl.Expr:
    """Return the mean of a column, null without a value; from a rounded sum, so that it does not depend on the order of rows."""
    value = pl.col(name).cast(pl.Float64)
    return pl.when(value.count() > 0).then(total(value) / value.count())


def _distinct_counts(lines: pl.LazyFrame, column: str) -> pl.LazyFrame:
    """Return the number of distinct words per customer, counted on pairs of customer and word packed into one number."""
    uses = lines.drop_nulls(column).select(CUSTOMER, pack_keys(CUSTOMER, column).alias("pair"))
    pairs = uses.select("pair").unique().select((pl.col("pair") // 2**32).cast(pl.UInt32).alias(CUSTOMER))
    counts = pairs.group_by(CUSTOMER).agg(pl.len().cast(pl.Int64).alias(DISTINCT_COUNTS[column]))
    if column != "product_id":
        return counts
    use_counts = uses.group_by(CUSTOMER).agg(pl.len().cast(pl.Int64).alias("uses"))
    repeat_share = (1 - pl.col("products") / pl.col("uses")).round(SHARE_DECIMALS)
    return counts.join(use_counts, on=CUSTOMER).select(CUSTOMER, "products", repeat_share.alias("repeat_share"))


def _mix(lines: pl.LazyFrame, singular: str, plural: str) -> pl.LazyFrame:
    pairs = lines.drop_nulls(singular).group_by(CUSTOMER, singular)
    uses = pairs.agg(pl.len().cast(pl.Int64).alias("uses"), pl.col("recent").sum().cast(pl.Int64))
    return shares(uses, singular, plural)
