"""What the benchmark serves: the demo shop's champion and tables, and runs of any size made from its scores."""

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


def lay_out(folder: Path, store: str | None) -> Path:
    """Make a demo shop in a folder; `store` None is the embedded one. Return its configuration."""
    command = [sys.executable, "-m", "holdfast", "demo", "--dir", str(folder), "--customers", str(CUSTOMERS)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(command, check=True, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, **quiet)  # type: ignore[call-overload]
    config = folder / "holdfast.toml"
    if store:
        text = config.read_text(encoding="utf-8")
        config.write_text(f'{text}\n[serving]\nstore = "{store}"\n', encoding="utf-8")
    return config


def scores(config: Path, rows: int, weeks_later: int = 0) -> pl.DataFrame:
    """Return a run of so many customers, some weeks after the demo's: its scores over and over, under new ids."""
    from serving.store.engine import open_store
    from serving.store.read import read_actions
    from settings.load import load_settings

    embedded = f"sqlite:///{load_settings(config).workspace.path / 'scores.db'}"
    store = open_store(embedded)
    _, few = read_actions(store, ["none", "retention", "win_back", "recovery"])
    store.dispose()
    many = pl.concat([few] * (rows // few.height + 1)).head(rows)
    day = few["as_of"][0] + timedelta(weeks=weeks_later)
    return many.with_columns(
        pl.int_range(pl.len()).cast(pl.String).str.zfill(8).alias("customer_id"), pl.lit(day).alias("as_of")
    ).select(list(SCORE_COLUMNS))


def targets(run: pl.DataFrame) -> pl.DataFrame:
    """Return what lists ask of the customers of such a run: a target of what was chosen for each, in five regions."""
    rows = run.filter(pl.col("action") != "none")
    region = pl.lit(pl.Series(REGIONS)).gather(pl.int_range(pl.len()) % len(REGIONS))
    told = rows.select("customer_id", pl.col("action").alias("target"), region.alias("region"))
    columns = (pl.col(name) if name in told.columns else pl.lit(None).alias(name) for name in TARGET_COLUMNS)
    return told.select(columns).cast(pl.Schema(TARGET_COLUMNS))


def ids(rows: int, step: int) -> list[str]:
    """Return every `step`-th id of such a run."""
    return [f"{number:08d}" for number in range(0, rows, step)]


def fifty_orders(as_of: date) -> dict[str, object]:
    """Return a customer with 50 orders in two years before a day, each with every optional column."""
    days = [as_of - timedelta(days=3 + 14 * place) for place in range(50)]
    lines = [
        {
            "order_id": f"o{place}",
            "ordered_at": f"{day}T12:00:00Z",
            "amount": 20.0 + place,
            "quantity": 2,
            "product_id": str(place % 9),
            "brand": f"Brand {place % 3}",
            "category": f"category {place % 2}",
            "channel": "online",
            "region": "north",
            "store": "online",
            "discount": 0.0,
            "unit_price": 10.0 + place / 2,
        }
        for place, day in enumerate(days)
    ]
    return {"customer_id": "fifty", "transactions": lines}
