"""Read the CDNOW sample: real purchases of 2,357 customers of a music shop, January 1997 to June 1998.

The sample ships with the `lifetimes` package. It is Fader and Hardie's 1/10 systematic sample.
"""

from importlib.resources import files
from pathlib import Path

import polars as pl

LINE_PATTERN = r"^\s*(?<source>\S+)\s+(?<customer_id>\S+)\s+(?<day>\d{8})\s+(?<quantity>\S+)\s+(?<amount>\S+)\s*$"


def read_cdnow() -> pl.DataFrame:
    """Return 6,919 rows with customer_id, order_id, ordered_at, quantity and amount (dollars)."""
    text = (files("lifetimes") / "datasets" / "CDNOW_sample.txt").read_text(encoding="ascii")
    fields = pl.DataFrame({"line": text.splitlines()}).select(pl.col("line").str.extract_groups(LINE_PATTERN)).unnest("line")
    return fields.with_row_index("row", offset=1).select(
        "customer_id",
        pl.format("C{}", "row").alias("order_id"),
        pl.col("day").str.to_date("%Y%m%d").alias("ordered_at"),
        pl.col("quantity").cast(pl.Int64),
        pl.col("amount").cast(pl.Float64),
    )


def write_cdnow(folder: Path) -> None:
    """Write `folder/data/transactions.csv`."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    read_cdnow().write_csv(folder / "data" / "transactions.csv")
