"""A large made-up order log in Parquet files: customers who differ in rate, brands with a favourite, some returns."""

from datetime import date, datetime
from pathlib import Path

import numpy as np
import polars as pl

AS_OF = date(2025, 1, 1)
START = datetime(2022, 1, 1)  # noqa: DTZ001  # the tables hold UTC without a zone
DAYS = 1095
LINES_PER_CUSTOMER, LINES_PER_ORDER = 20, 2
LINES_PER_FILE = 10_000_000
COMPLAINTS_PER_LINE = 0.02
BRANDS, PRODUCTS, STORES = 30, 3_000, 50
TOPICS = ["delivery", "billing", "quality", "service"]


def write_log(lines: int, folder: Path, *, wide: bool) -> None:
    """Write transactions and complaints, a file per ten million lines; `wide` adds every optional column and table."""
    for number, start in enumerate(range(0, lines, LINES_PER_FILE)):
        rng = np.random.default_rng(number)
        customers = _names(start // LINES_PER_CUSTOMER, min(lines - start, LINES_PER_FILE) // LINES_PER_CUSTOMER)
        orders = _orders(customers.len(), rng)
        bought = _lines(orders, rng, wide=wide)
        _write(bought.with_columns(customers.gather(bought["customer_id"])), folder, "transactions", number)
        del bought
        cases = _complaints(orders.height * LINES_PER_ORDER, customers, rng)
        _write(cases, folder, "complaints", number)
        if wide:
            _write(_surveys(customers, rng), folder, "surveys", number)
            _write(_contacts(customers, rng), folder, "contacts", number)
            _write(_people(customers, rng), folder, "customers", number)


def _write(frame: pl.DataFrame, folder: Path, table: str, number: int) -> None:
    (folder / table).mkdir(parents=True, exist_ok=True)
    frame.write_parquet(folder / table / f"{number:03d}.parquet")


def _names(first: int, count: int) -> pl.Series:
    return pl.select(
        pl.format("C{}", pl.int_range(first, first + count).cast(pl.String).str.zfill(8)).alias("customer_id")
    ).to_series()


def _moments(days: np.ndarray) -> pl.Series:
    return pl.Series(np.datetime64(START, "us") + (days * 86_400e6).astype("timedelta64[us]"))


def _orders(customers: int, rng: np.random.Generator) -> pl.DataFrame:
    """Orders in order of time: a gamma-distributed rate per customer, who joined some time in the first year."""
    rate = rng.gamma(1.0, 1.0, customers) + 0.05
    who = rng.choice(customers, size=customers * LINES_PER_CUSTOMER // LINES_PER_ORDER, p=rate / rate.sum())
    joined = rng.uniform(0, 365, customers)[who]
    return pl.DataFrame({"customer_id": who, "day": joined + rng.random(len(who)) ** 1.2 * (DAYS - joined)}).sort("day")


def _lines(orders: pl.DataFrame, rng: np.random.Generator, *, wide: bool) -> pl.DataFrame:
    """One to three lines per order; six in ten of the customer's favourite brand, three in a hundred returns."""
    order = np.repeat(np.arange(orders.height), rng.integers(1, 2 * LINES_PER_ORDER, orders.height))[
        : orders.height * LINES_PER_ORDER
    ]
    who, n = orders["customer_id"].to_numpy()[order], len(order)
    favourite = rng.integers(0, BRANDS, int(who.max()) + 1)[who]
    brand = np.where(rng.random(n) < 0.6, favourite, rng.integers(0, BRANDS, n))  # as the docstring says
    quantity = np.where(rng.random(n) < 0.03, -1, rng.integers(1, 5, n)).astype(np.float64)  # likewise
    price = np.round(rng.gamma(2, 10, n), 2)
    frame = pl.DataFrame({"customer_id": who, "ordered_at": _moments(orders["day"].to_numpy()[order]), "quantity": quantity})
    named = frame.with_columns(
        pl.format("O{}", pl.Series(order)).alias("order_id"),
        pl.Series("amount", np.round(quantity * price, 2)),
        _word("Brand", brand).alias("brand"),
    )
    return named.with_columns(_more(brand, price, rng)) if wide else named


def _more(brand: np.ndarray, price: np.ndarray, rng: np.random.Generator) -> list[pl.Expr]:
    n = len(brand)
    product = rng.integers(0, PRODUCTS // BRANDS, n) * BRANDS + brand
    return [
        _word("P", product).alias("product_id"),
        _word("Category", product % 7).alias("category"),
        _word("Channel", rng.integers(0, 3, n)).alias("channel"),
        _word("Region", rng.integers(0, 8, n)).alias("region"),
        _word("Store", rng.integers(0, STORES, n)).alias("store"),
        pl.lit(pl.Series(price)).alias("unit_price"),
        pl.lit(pl.Series(np.where(rng.random(n) < 0.2, 0.1, 0.0))).alias("discount"),  # one line in five
    ]


def _word(kind: str, number: np.ndarray) -> pl.Expr:
    return pl.format("{} {}", pl.lit(kind), pl.lit(pl.Series(number)))


def _complaints(lines: int, customers: pl.Series, rng: np.random.Generator) -> pl.DataFrame:
    n = int(lines * COMPLAINTS_PER_LINE)
    opened = rng.uniform(0, DAYS, n)
    settled = pl.lit(pl.Series(rng.random(n) < 0.9))  # nine in ten
    took = pl.duration(days=pl.lit(pl.Series(rng.integers(0, 30, n))))
    frame = pl.DataFrame({"customer_id": customers.gather(rng.integers(0, len(customers), n)), "opened_at": _moments(opened)})
    return frame.with_columns(
        pl.format("K{}", pl.int_range(n)).alias("complaint_id"),
        pl.Series("topic", np.array(TOPICS)[rng.integers(0, len(TOPICS), n)]),
        pl.when(settled).then(pl.col("opened_at") + took).alias("resolved_at"),
        pl.Series("contacts_to_resolve", rng.integers(1, 5, n)),
        pl.Series("satisfied", rng.random(n) < 0.5),  # every other one
    )


def _surveys(customers: pl.Series, rng: np.random.Generator) -> pl.DataFrame:
    n = len(customers)
    who, dimensions = customers.gather(rng.integers(0, n, n)), np.array(["reliability", "empathy", "assurance"])
    return pl.DataFrame({"customer_id": who, "answered_at": _moments(rng.uniform(0, DAYS, n))}).with_columns(
        pl.Series("rating", rng.integers(1, 6, n).astype(np.float64)),
        pl.Series("expectation", rng.integers(1, 6, n).astype(np.float64)),
        pl.Series("dimension", dimensions[rng.integers(0, 3, n)]),
    )


def _contacts(customers: pl.Series, rng: np.random.Generator) -> pl.DataFrame:
    n = 5 * len(customers)
    when = rng.uniform(0, DAYS, n)
    answered = pl.when(pl.lit(pl.Series(rng.random(n) < 0.1)))  # one in ten
    frame = pl.DataFrame({"customer_id": customers.gather(rng.integers(0, len(customers), n)), "contacted_at": _moments(when)})
    return frame.with_columns(
        _word("Campaign", (when // 30).astype(int)).alias("campaign_id"),
        _word("Channel", rng.integers(0, 3, n)).alias("channel"),
        pl.Series("treated", rng.random(n) < 0.9),  # one in ten is held out
        answered.then(pl.col("contacted_at") + pl.duration(days=2)).alias("responded_at"),
    )


def _people(customers: pl.Series, rng: np.random.Generator) -> pl.DataFrame:
    n = len(customers)
    brought = pl.when(pl.lit(pl.Series(rng.random(n) < 0.1)))  # one in ten
    return pl.DataFrame({"customer_id": customers, "joined_at": _moments(rng.uniform(0, 365, n))}).with_columns(
        brought.then(pl.lit(customers.gather(rng.integers(0, n, n)))).alias("referred_by"),
        _word("Region", rng.integers(0, 8, n)).alias("region"),
    )
