"""The data of the benchmark: the demo shop's champion and tables, and runs of any size made from its scores."""

import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from benchmarks.serving.server import ROOT
from serving.schemas.candidates import TARGET_COLUMNS
from serving.schemas.scores import SCORE_COLUMNS

CUSTOMERS = 3_000
REGIONS = ("north", "east", "south", "west", "centre")


def create_demo_shop(folder: Path, store: str | None) -> Path:
    """Create a demo shop in a folder and return its configuration; `store` None takes SQLite."""
    command = [sys.executable, "-m", "holdfast", "demo", "--dir", str(folder), "--customers", str(CUSTOMERS)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(command, check=True, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, **quiet)  # type: ignore[call-overload]
    config = folder / "holdfast.toml"
    if store:
        text = config.read_text(encoding="utf-8")
        config.write_text(f'{text}\n[serving]\nstore = "{store}"\n', encoding="utf-8")
    return config


def scores(config: Path, rows: int, weeks_later: int = 0) -> pl.DataFrame:
    """Return a run of `rows` customers, some weeks after the demo's: the demo's scores repeated under new ids."""
    from serving.store.engine import open_store
    from serving.store.read import read_scores_by_action
    from settings.load import load_settings

    embedded = f"sqlite:///{load_settings(config).workspace.path / 'scores.db'}"
    store = open_store(embedded)
    _, demo_scores = read_scores_by_action(store, ["none", "retention", "win_back", "recovery"])
    store.dispose()
    repeated = pl.concat([demo_scores] * (rows // demo_scores.height + 1)).head(rows)
    day = demo_scores["as_of"][0] + timedelta(weeks=weeks_later)
    return repeated.with_columns(
        pl.int_range(pl.len()).cast(pl.String).str.zfill(8).alias("customer_id"), pl.lit(day).alias("as_of")
    ).select(list(SCORE_COLUMNS))


def targets(run: pl.DataFrame) -> pl.DataFrame:
    """Return TARGET_COLUMNS of a run's customers with an action: the action as target, and one of five regions."""
    rows = run.filter(pl.col("action") != "none")
    region = pl.lit(pl.Series(REGIONS)).gather(pl.int_range(pl.len()) % len(REGIONS))
    filled = rows.select("customer_id", pl.col("action").alias("target"), region.alias("region"))
    columns = (pl.col(name) if name in filled.columns else pl.lit(None).alias(name) for name in TARGET_COLUMNS)
    return filled.select(columns).cast(pl.Schema(TARGET_COLUMNS))


def ids(rows: int, step: int) -> list[str]:
    """Return every `step`-th id of a run of `rows` customers."""
    return [f"{number:08d}" for number in range(0, rows, step)]


def fifty_orders(as_of: date) -> dict[str, object]:
    """Return a customer with 50 orders in the two years before a day, each with every optional column."""
    days = [as_of - timedelta(days=3 + 14 * index) for index in range(50)]
    lines = [
        {
            "order_id": f"o{index}",
            "ordered_at": f"{day}T12:00:00Z",
            "amount": 20.0 + index,
            "quantity": 2,
            "product_id": str(index % 9),
            "brand": f"Brand {index % 3}",
            "category": f"category {index % 2}",
            "channel": "online",
            "region": "north",
            "store": "online",
            "discount": 0.0,
            "unit_price": 10.0 + index / 2,
        }
        for index, day in enumerate(days)
    ]
    return {"customer_id": "fifty", "transactions": lines}
