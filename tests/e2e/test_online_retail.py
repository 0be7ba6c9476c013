"""The whole pipeline on the unmodified Online Retail log, with nothing configured but the column mapping."""

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from mlflow import MlflowClient

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


MAPPED_COLUMNS = ["CustomerID", "Invoice", "InvoiceDate", "Quantity", "StockCode", "Price", "Country"]


@pytest.fixture
def shop(online_retail: Path, tmp_path: Path) -> Path:
    (tmp_path / "holdfast.toml").write_text(CONFIG.format(log=online_retail))
    return tmp_path / "holdfast.toml"


def logged_losses(workspace: Path) -> dict[str, float]:
    """Return the log-loss of each churn candidate, as the training logged it."""
    client = MlflowClient(f"sqlite:///{workspace / 'mlflow.db'}")
    [experiment] = [experiment for experiment in client.search_experiments() if experiment.name == "holdfast"]
    runs = client.search_runs([experiment.experiment_id], "params.kind = 'churn'", max_results=1_000)
    return {run.data.params["candidate"]: run.data.metrics["log_loss"] for run in runs if "origin" not in run.data.params}


@pytest.mark.slow
def test_online_retail_runs_end_to_end_and_loses_no_customer(shop: Path, online_retail: Path, holdfast: Run) -> None:
    log = pl.read_parquet(online_retail)
    day, folder = "2011-02-01", shop.parent  # a backtest of two past days, which is enough here
    assert holdfast("validate", "--config", shop, "--json", folder / "report.json")[0] == 0
    entry = json.loads((folder / "report.json").read_text())["tables"]["transactions"]
    assert entry["used"] + entry["quarantined"] == entry["read"] == log.height
    assert entry["rules"] == {"missing_customer_id": log["CustomerID"].null_count()}
    with_customer = log.drop_nulls("CustomerID")
    warnings = {name: warning["value"] for name, warning in entry["warnings"].items()}
    assert warnings["duplicates"] == with_customer.height - with_customer.unique(MAPPED_COLUMNS).height
    assert warnings["zero_amount"] == with_customer.filter(pl.col("Price") * pl.col("Quantity") == 0).height
    odd_products = with_customer.filter(~pl.col("StockCode").str.contains(r"\d")).height
    assert warnings["odd_products"] == pytest.approx(odd_products / with_customer.height)
    assert warnings["missing_customers"] == pytest.approx(log["CustomerID"].null_count() / log.height)
    assert set(warnings) == {"duplicates", "zero_amount", "odd_products", "missing_customers", "missing_days", "fresh"}

    assert holdfast("train", "--config", shop, "--as-of", day)[0] == 0
    losses = logged_losses(folder / "workspace")
    assert losses["lightgbm"] < losses["recency_rule"]
    assert losses["bgnbd"] < losses["recency_rule"]

    assert holdfast("score", "--config", shop, "--as-of", day, "--out", folder / "scores.parquet")[0] == 0
    first_orders = with_customer.group_by("CustomerID").agg(pl.col("InvoiceDate").min().alias("first"))
    newcomers = first_orders.filter(pl.col("first") >= pl.lit(day).str.to_datetime()).height
    scores = pl.read_parquet(folder / "scores.parquet")
    assert scores.height + newcomers == first_orders.height
    assert holdfast("list", "--config", shop, "--out", folder / "list.csv")[0] == 0
    rows = pl.read_csv(folder / "list.csv", infer_schema=False)
    at_risk = scores.filter((pl.col("status") == "existing") & (pl.col("p_churn") >= 0.5))
    assert set(rows["customer_id"]) <= set(at_risk["customer_id"])
