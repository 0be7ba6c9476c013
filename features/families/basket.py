"""What is in the basket: how much and how broad, at what price and from where, and how that has moved lately."""

from datetime import date

import polars as pl

from features.families.feature import Feature
from features.frames.columns import CUSTOMER
from features.frames.modes import shares
from features.frames.purchases import SHARE_DECIMALS, is_sale_line, total
from features.frames.sorted_runs import pack_keys
from features.norms import Norms, norm_of_row

FAMILY = "basket"
RECENT_DAYS = 180
HALF_YEAR = f"the last {RECENT_DAYS} days"
NO_COLUMN = "no purchase yet, or the table has no"
ONE_SIDE = f"no purchase in {HALF_YEAR} or none before, or the table has no"
DIFFERENT = {"product_id": "products", "brand": "brands"}
WHERE = {"channel": "channels", "store": "stores", "region": "regions", "category": "categories"}


def _mix_features(one: str, many: str) -> tuple[Feature, ...]:
    moved = f"How far the customer's mix of {many} has moved in {HALF_YEAR}: 0 not at all, 1 nothing in common with before"
    return (
        Feature(many, many, f"Different {many} in the sale lines", f"{NO_COLUMN} {one}"),
        Feature(f"{one}_share", "share", f"Share of sale lines from the most usual {one}", f"{NO_COLUMN} {one}"),
        Feature(f"{one}_change", "share", moved, f"{ONE_SIDE} {one}"),
    )


FEATURES = (
    Feature("lines_per_order", "lines", "Sale lines per day with a purchase"),
    Feature("items_per_order", "items", "Quantity bought per day with a purchase", f"{NO_COLUMN} quantity"),
    Feature("mean_unit_price", "currency", "Average unit price of the sale lines", f"{NO_COLUMN} unit_price"),
    Feature(
        "price_level",
        "ratio",
        "Unit prices paid over the company's average in the same categories; above 1 buys the dearer things",
        f"{NO_COLUMN} unit_price",
    ),
    Feature("price_change", "ratio", f"Average unit price of {HALF_YEAR} over that of before", f"{ONE_SIDE} unit_price"),
    Feature("discount_share", "share", "Share of sale lines bought at a discount", f"{NO_COLUMN} discount"),
    Feature("discount_change", "share", f"That share in {HALF_YEAR} less that of before", f"{ONE_SIDE} discount"),
    Feature("products", "products", "Different products bought", f"{NO_COLUMN} product_id"),
    Feature("repeat_share", "share", "Share of sale lines of a product bought before", f"{NO_COLUMN} product_id"),
    Feature("brands", "brands", "Different brands bought", f"{NO_COLUMN} brand"),
    *(feature for one, many in WHERE.items() for feature in _mix_features(one, many)),
)


def basket(transactions: pl.LazyFrame, occasions: pl.LazyFrame, as_of: date, norms: Norms) -> list[pl.LazyFrame]:
    """Return frames of basket columns per customer with a purchase; what the table cannot tell is left out.

    `transactions` are those of a History, known before `as_of`. Recent are the last 180 days.
    """
    columns = transactions.collect_schema().names()
    age = (pl.lit(as_of) - pl.col("ordered_at").dt.date()).dt.total_days()
    lines = transactions.filter(is_sale_line(columns)).with_columns((age <= RECENT_DAYS).alias("recent"))
    parts = [_lines_and_items(lines, occasions, columns)]
    parts += [_prices(lines, columns, norms)] if "unit_price" in columns else []
    parts += [_discounts(lines)] if "discount" in columns else []
    parts += [_different(lines, column) for column in DIFFERENT if column in columns]
    return parts + [_mix(lines, one, many) for one, many in WHERE.items() if one in columns]


def _lines_and_items(lines: pl.LazyFrame, occasions: pl.LazyFrame, columns: list[str]) -> pl.LazyFrame:
    items = [total(pl.col("quantity")).alias("items")] if "quantity" in columns else []
    sums = lines.group_by(CUSTOMER).agg(pl.len().cast(pl.Int64).alias("lines"), *items)
    orders = occasions.group_by(CUSTOMER).agg(pl.len().cast(pl.Int64).alias("orders"))
    per_order = [(pl.col(name) / pl.col("orders")).alias(f"{name}_per_order") for name in ("lines", "items")[: 1 + len(items)]]
    return sums.join(orders, on=CUSTOMER).select(CUSTOMER, *per_order)


def _prices(lines: pl.LazyFrame, columns: list[str], norms: Norms) -> pl.LazyFrame:
    price = pl.col("unit_price")
    usual = pl.when(price.is_not_null()).then(norm_of_row("category", columns, norms.category_unit_price, norms.unit_price))
    now, then = pl.when("recent").then(price), pl.when(~pl.col("recent")).then(price)
    sums = lines.select(CUSTOMER, price.alias("all"), usual.alias("usual"), now.alias("now"), then.alias("then"))
    means = [_mean(name).alias(name) for name in ("all", "now", "then")]
    found = sums.group_by(CUSTOMER).agg(*means, (total(pl.col("all")) / total(pl.col("usual"))).alias("price_level"))
    change = pl.when(pl.col("then") > 0).then(pl.col("now") / pl.col("then"))
    level = pl.when(pl.col("price_level").is_finite()).then("price_level")
    return found.select(CUSTOMER, pl.col("all").alias("mean_unit_price"), level, change.alias("price_change"))


def _discounts(lines: pl.LazyFrame) -> pl.LazyFrame:
    reduced = pl.col("discount").fill_null(0) > 0
    now, then = pl.when("recent").then(reduced), pl.when(~pl.col("recent")).then(reduced)
    flags = lines.select(CUSTOMER, reduced.alias("all"), now.alias("now"), then.alias("then"))
    found = flags.group_by(CUSTOMER).agg(_mean(name).alias(name) for name in ("all", "now", "then"))
    return found.select(
        CUSTOMER, pl.col("all").alias("discount_share"), (pl.col("now") - pl.col("then")).alias("discount_change")
    )


def _mean(name: str) -> pl.Expr:
    """Null where there is no value; from a rounded sum, so that the order of rows leaves no trace."""
    value = pl.col(name).cast(pl.Float64)
    return pl.when(value.count() > 0).then(total(value) / value.count())


def _different(lines: pl.LazyFrame, column: str) -> pl.LazyFrame:
    """How many words each customer has, from pairs of customer and word as one number each."""
    told = lines.drop_nulls(column).select(CUSTOMER, pack_keys(CUSTOMER, column).alias("pair"))
    pairs = told.select("pair").unique().select((pl.col("pair") // 2**32).cast(pl.UInt32).alias(CUSTOMER))
    counts = pairs.group_by(CUSTOMER).agg(pl.len().cast(pl.Int64).alias(DIFFERENT[column]))
    if column != "product_id":
        return counts
    uses = told.group_by(CUSTOMER).agg(pl.len().cast(pl.Int64).alias("uses"))
    again = (1 - pl.col("products") / pl.col("uses")).round(SHARE_DECIMALS)
    return counts.join(uses, on=CUSTOMER).select(CUSTOMER, "products", again.alias("repeat_share"))


def _mix(lines: pl.LazyFrame, one: str, many: str) -> pl.LazyFrame:
    pairs = lines.drop_nulls(one).group_by(CUSTOMER, one)
    return shares(pairs.agg(pl.len().cast(pl.Int64).alias("uses"), pl.col("recent").sum().cast(pl.Int64)), one, many)
