"""Write a large invented order log to Parquet files: customers with different rates, favourite brands, some returns."""

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
COMPLAINT_TOPICS = ["delivery", "billing", "quality", "service"]


def write_log(lines: int, folder: Path, *, wide: bool) -> None:
    """Write transactions and complaints, one file per ten million lines; `wide` adds every optional column and table."""
    for number, start in enumerate(range(0, lines, LINES_PER_FILE)):
        rng = np.random.default_rng(number)
        customers = _customer_ids(start // LINES_PER_CUSTOMER, min(lines - start, LINES_PER_FILE) // LINES_PER_CUSTOMER)
        orders = _orders(customers.len(), rng)
        order_lines = _lines(orders, rng, wide=wide)
        _write(order_lines.with_columns(customers.gather(order_lines["customer_id"])), folder, "transactions", number)
        del order_lines
        complaints = _complaints(orders.height * LINES_PER_ORDER, customers, rng)
        _write(complaints, folder, "complaints", number)
        if wide:
            _write(_surveys(customers, rng), folder, "surveys", number)
            _write(_contacts(customers, rng), folder, "contacts", number)
            _write(_customers(customers, rng), folder, "customers", number)


def _write(frame: pl.DataFrame, folder: Path, table: str, number: int) -> None:
    (folder / table).mkdir(parents=True, exist_ok=True)
    frame.write_parquet(folder / table / f"{number:03d}.parquet")


def _customer_ids(first: int, count: int) -> pl.Series:
    return pl.select(
        pl.format("C{}", pl.int_range(first, first + count).cast(pl.String).str.zfill(8)).alias("customer_id")
    ).to_series()


def _times(days: np.ndarray) -> pl.Series:
    return pl.Series(np.datetime64(START, "us") + (days * 86_400e6).astype("timedelta64[us]"))


def _orders(customers: int, rng: np.random.Generator) -> pl.DataFrame:
    """Draw orders sorted by time; each customer has a gamma-distributed rate and joins in the first year."""
    rate = rng.gamma(1.0, 1.0, customers) + 0.05
    customer = rng.choice(customers, size=customers * LINES_PER_CUSTOMER // LINES_PER_ORDER, p=rate / rate.sum())
    joined = rng.uniform(0, 365, customers)[customer]
    return pl.DataFrame({"customer_id": customer, "day": joined + rng.random(len(customer)) ** 1.2 * (DAYS - joined)}).sort("day")


def _lines(orders: pl.DataFrame, rng: np.random.Generator, *, wide: bool) -> pl.DataFrame:
    """Draw one to three lines per order: 60 % of the customer's favourite brand, 3 % returns."""
    order = np.repeat(np.arange(orders.height), rng.integers(1, 2 * LINES_PER_ORDER, orders.height))[
        : orders.height * LINES_PER_ORDER
    ]
    customer, n = orders["customer_id"].to_numpy()[order], len(order)
    favourite = rng.integers(0, BRANDS, int(customer.max()) + 1)[customer]
    brand = np.where(rng.random(n) < 0.6, favourite, rng.integers(0, BRANDS, n))  # share of the favourite brand
    quantity = np.where(rng.random(n) < 0.03, -1, rng.integers(1, 5, n)).astype(np.float64)  # share of returns
    price = np.round(rng.gamma(2, 10, n), 2)
    frame = pl.DataFrame({"customer_id": customer, "ordered_at": _times(orders["day"].to_numpy()[order]), "quantity": quantity})
    labelled = frame.with_columns(
        pl.format("O{}", pl.Series(order)).alias("order_id"),
        pl.Series("amount", np.round(quantity * price, 2)),
        _labels("Brand", brand).alias("brand"),
    )
    return labelled.with_columns(_optional_columns(brand, price, rng)) if wide else labelled


def _optional_columns(brand: np.ndarray, price: np.ndarray, rng: np.random.Generator) -> list[pl.Expr]:
    n = len(brand)
    product = rng.integers(0, PRODUCTS // BRANDS, n) * BRANDS + brand
    return [
        _labels("P", product).alias("product_id"),
        _labels("Category", product % 7).alias("category"),
        _labels("Channel", rng.integers(0, 3, n)).alias("channel"),
        _labels("Region", rng.integers(0, 8, n)).alias("region"),
        _labels("Store", rng.integers(0, STORES, n)).alias("store"),
        pl.lit(pl.Series(price)).alias("unit_price"),
        pl.lit(pl.Series(np.where(rng.random(n) < 0.2, 0.1, 0.0))).alias("discount"),  # share of discounted lines
    ]


def _labels(kind: str, number: np.ndarray) -> pl.Expr:
    return pl.format("{} {}", pl.lit(kind), pl.lit(pl.Series(number)))


def _complaints(lines: int, customers: pl.Series, rng: np.random.Generator) -> pl.DataFrame:
    n = int(lines * COMPLAINTS_PER_LINE)
    opened_day = rng.uniform(0, DAYS, n)
    is_resolved = pl.lit(pl.Series(rng.random(n) < 0.9))  # share of resolved complaints
    duration = pl.duration(days=pl.lit(pl.Series(rng.integers(0, 30, n))))
    frame = pl.DataFrame({"customer_id": customers.gather(rng.integers(0, len(customers), n)), "opened_at": _times(opened_day)})
    return frame.with_columns(
        pl.format("K{}", pl.int_range(n)).alias("complaint_id"),
        pl.Series("topic", np.array(COMPLAINT_TOPICS)[rng.integers(0, len(COMPLAINT_TOPICS), n)]),
        pl.when(is_resolved).then(pl.col("opened_at") + duration).alias("resolved_at"),
        pl.Series("contacts_to_resolve", rng.integers(1, 5, n)),
        pl.Series("satisfied", rng.random(n) < 0.5),  # share of satisfied customers
    )


def _surveys(customers: pl.Series, rng: np.random.Generator) -> pl.DataFrame:
    n = len(customers)
    customer, dimensions = customers.gather(rng.integers(0, n, n)), np.array(["reliability", "empathy", "assurance"])
    return pl.DataFrame({"customer_id": customer, "answered_at": _times(rng.uniform(0, DAYS, n))}).with_columns(
        pl.Series("rating", rng.integers(1, 6, n).astype(np.float64)),
        pl.Series("expectation", rng.integers(1, 6, n).astype(np.float64)),
        pl.Series("dimension", dimensions[rng.integers(0, 3, n)]),
    )


def _contacts(customers: pl.Series, rng: np.random.Generator) -> pl.DataFrame:
    n = 5 * len(customers)
    contacted_day = rng.uniform(0, DAYS, n)
    if_responded = pl.when(pl.lit(pl.Series(rng.random(n) < 0.1)))  # share of responses
    frame = pl.DataFrame(
        {"customer_id": customers.gather(rng.integers(0, len(customers), n)), "contacted_at": _times(contacted_day)}
    )
    return frame.with_columns(
        _labels("Campaign", (contacted_day // 30).astype(int)).alias("campaign_id"),
        _labels("Channel", rng.integers(0, 3, n)).alias("channel"),
        pl.Series("treated", rng.random(n) < 0.9),  # share treated; the rest is the control group
        if_responded.then(pl.col("contacted_at") + pl.duration(days=2)).alias("responded_at"),
    )


def _customers(customers: pl.Series, rng: np.random.Generator) -> pl.DataFrame:
    n = len(customers)
    if_referred = pl.when(pl.lit(pl.Series(rng.random(n) < 0.1)))  # share of referred customers
    return pl.DataFrame({"customer_id": customers, "joined_at": _times(rng.uniform(0, 365, n))}).with_columns(
        if_referred.then(pl.lit(customers.gather(rng.integers(0, n, n)))).alias("referred_by"),
        _labels("Region", rng.integers(0, 8, n)).alias("region"),
    )
