"""Lifetime value a year ahead: is it right in total, and does one customer in ten spend more than `value_high`?

Everything is fitted on what was known before a day, and held against net spend in the 365 days from it on, without discount.
Run: python -m benchmarks.lifetime
"""

import argparse
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from benchmarks.holdouts import RETAIL, silent
from expectations.validation.gate import load_tables
from expectations.validation.tables import utc_now
from features.labels import labels
from features.tables.schema import Tables
from holdfast.demo.cdnow import read_cdnow
from holdfast.demo.simulated.shop import simulate
from models.btyd.intervals import value_interval
from models.registry import HYBRID, VALUE_LEARNERS
from models.value.lifetime_value import value_frame, value_terms
from settings.sections import Settings, TableSources, Value
from training.data.training_data import prepare_training_data
from training.metrics import interval_metrics, value_metrics
from training.train import gamma_shape_of

YEAR = 365
RETAIL_DAYS = [date(2010, 6, 15), date(2010, 7, 15), date(2010, 8, 31)]
TERMS = Value(horizon_days=YEAR, annual_discount_rate=0.0)


def judged(settings: Settings, tables: Tables, day: date) -> pl.DataFrame:
    """Return spend of the year, its expectation and quantiles, and those of the order models alone."""
    material = prepare_training_data(settings, tables, day, silent)
    present = material.btyd.with_columns(material.features, material.windows.horizon_days)
    p_churn = HYBRID.fit(material.snapshots, present).p_churn(present)
    ahead = VALUE_LEARNERS[-1].fit(material.snapshots, present).expected(present)
    terms = value_terms(TERMS, material.windows.horizon_days)
    told = value_frame(material.btyd, present, p_churn, terms, gamma_shape_of(material.snapshots), ahead)
    alone = value_interval(material.btyd.orders, material.btyd.spend, present, YEAR)
    came = present.select("customer_id").join(labels(tables.transactions, day, YEAR).collect(), on="customer_id", how="left")
    expected = material.btyd.orders.expected_orders(present, YEAR) * present["btyd_expected_spend"]
    return pl.DataFrame(
        {
            "spend": came["next_spend"].fill_null(0.0).clip(lower_bound=0.0),
            "mean:holdfast": told["expected_value"],
            "low:holdfast": told["value_low"],
            "high:holdfast": told["value_high"],
            "mean:order models": expected,
            "low:order models": alone["value_low"],
            "high:order models": alone["value_high"],
        }
    )


def report(name: str, settings: Settings, tables: Tables, days: list[date]) -> None:
    """Print a row per day and way."""
    for day in days:
        frame = judged(settings, tables, day)
        spend = frame["spend"].to_numpy()
        for way in ("holdfast", "order models"):
            mean, low, high = (frame[f"{column}:{way}"].to_numpy() for column in ("mean", "low", "high"))
            value, spread = value_metrics(spend, mean), interval_metrics(spend, low, high)
            print(
                f"| {name} {day}, {frame.height:,} customers | {way} | {value['bias']:+.2f} | {value['gini']:.3f} | "
                f"{spread['above_high']:.3f} | {(spend < low).mean():.3f} | {spread['interval_score']:,.0f} |"
            )


def main(retail: Path) -> None:
    """Judge Online Retail where it is there, CDNOW, and a simulated shop."""
    print("| log | way | bias of total | Gini | above value_high | below value_low | interval score |")
    print("|---|---|---|---|---|---|---|")
    if retail.is_file():
        settings = Settings(tables=TableSources(str(retail)))
        settings.columns.transactions.update(RETAIL)
        report("Online Retail", settings, load_tables(settings, utc_now())[0], RETAIL_DAYS)
    settings = Settings(tables=TableSources("unused"))
    log = read_cdnow().with_columns(pl.col("ordered_at").cast(pl.Datetime("us")), order_id=pl.col("customer_id"))
    report("CDNOW", settings, Tables(log.lazy()), [date(1997, 7, 1)])
    shop = simulate(3_000, 200, seed=4)
    report(
        "simulated",
        settings,
        Tables(**{name: frame.lazy() for name, frame in shop.tables.items()}),
        [shop.as_of - timedelta(days=YEAR)],
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lifetime", description=__doc__)
    parser.add_argument("--retail", type=Path, default=Path("../shared/data/online_retail.parquet"))
    main(parser.parse_args().retail)
