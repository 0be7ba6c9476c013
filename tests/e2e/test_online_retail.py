"""The real log, as it comes, through a configuration with column mapping only."""

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

Run = Callable[..., tuple[int, str, str]]
CONFIG = """[tables]
transactions = "{log}"
[columns.transactions]
customer_id = "CustomerID"
order_id = "Invoice"
ordered_at = "InvoiceDate"
amount = "Quantity * Price"
quantity = "Quantity"
product_id = "StockCode"
unit_price = "Price"
region = "Country"
"""


TOLD = ["CustomerID", "Invoice", "InvoiceDate", "Quantity", "StockCode", "Price", "Country"]


@pytest.fixture
def shop(online_retail: Path, tmp_path: Path) -> Path:
    (tmp_path / "holdfast.toml").write_text(CONFIG.format(log=online_retail))
    return tmp_path / "holdfast.toml"


def test_online_retail_runs_the_whole_line_and_loses_nobody(shop: Path, online_retail: Path, holdfast: Run) -> None:
    log = pl.read_parquet(online_retail)
    day, folder = "2011-06-01", shop.parent
    assert holdfast("validate", "--config", shop, "--json", folder / "report.json")[0] == 0
    entry = json.loads((folder / "report.json").read_text())["tables"]["transactions"]
    assert entry["used"] + entry["quarantined"] == entry["read"] == log.height
    assert entry["rules"] == {"missing_customer_id": log["CustomerID"].null_count()}
    known = log.drop_nulls("CustomerID")
    told = {name: each["value"] for name, each in entry["warnings"].items()}
    assert told["duplicates"] == known.height - known.unique(TOLD).height
    assert told["zero_amount"] == known.filter(pl.col("Price") * pl.col("Quantity") == 0).height
    assert told["odd_products"] == pytest.approx(known.filter(~pl.col("StockCode").str.contains(r"\d")).height / known.height)
    assert told["missing_customers"] == pytest.approx(log["CustomerID"].null_count() / log.height)
    assert set(told) == {"duplicates", "zero_amount", "odd_products", "missing_customers", "missing_days", "fresh"}

    assert holdfast("train", "--config", shop, "--as-of", day)[0] == 0
    assert holdfast("compare", "--config", shop, "--as-of", day, "--json", folder / "board.json")[0] == 0
    losses = {each["candidate"]: each["log_loss"] for each in json.loads((folder / "board.json").read_text())["churn"]}
    assert losses["lightgbm"] < losses["recency_rule"]
    assert losses["bgnbd"] < losses["recency_rule"]

    assert holdfast("score", "--config", shop, "--as-of", day, "--out", folder / "scores.parquet")[0] == 0
    first = log.drop_nulls("CustomerID").group_by("CustomerID").agg(pl.col("InvoiceDate").min().alias("first"))
    later = first.filter(pl.col("first") >= pl.lit(day).str.to_datetime()).height
    scores = pl.read_parquet(folder / "scores.parquet")
    assert scores.height + later == first.height
    assert holdfast("list", "--config", shop, "--out", folder / "list.csv")[0] == 0
    listed = pl.read_csv(folder / "list.csv", infer_schema=False)
    at_risk = scores.filter((pl.col("status") == "existing") & (pl.col("p_churn") >= 0.5))
    assert set(listed["customer_id"]) <= set(at_risk["customer_id"])
