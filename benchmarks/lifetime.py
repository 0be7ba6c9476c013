"""Judge lifetime value a year ahead: is it right in total, and does one customer in ten spend more than `value_high`?

Everything is fitted on what was known before a day, and compared with the net spend of the 365 days from that day on, without
discounting.
Run: python -m benchmarks.lifetime
"""

import argparse
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from benchmarks.holdouts import RETAIL, no_progress
from expectations.validation.gate import load_tables
from features.labels import labels
from features.tables.schema import Tables
from holdfast.demo.cdnow import read_cdnow
from holdfast.demo.simulated.shop import simulate
from models.btyd.intervals import value_interval
from models.registry import HYBRID, VALUE_LEARNERS
from models.value.lifetime_value import value_frame, value_terms
from models.value.value_interval import ValueInterval
from models.waiting.order_dates import OrderDates
from settings.clock import utc_now
from settings.sections import Settings, TableSources, Value
from training.data.training_data import prepare_training_data
from training.fit_champion import fit_spend_gamma_shape
from training.metrics import interval_metrics, value_metrics

YEAR_DAYS = 365
RETAIL_DAYS = [date(2010, 6, 15), date(2010, 7, 15), date(2010, 8, 31)]
TERMS = Value(horizon_days=YEAR_DAYS, annual_discount_rate=0.0)


def predict_value(settings: Settings, tables: Tables, day: date) -> pl.DataFrame:
    """Return the year's actual spend, and its mean and quantiles as predicted by Holdfast and by the order models alone."""
    data = prepare_training_data(settings, tables, day, no_progress)
    current = data.btyd.with_columns(data.features, data.windows.horizon_days)
    p_churn = HYBRID.fit(data.snapshots, current).p_churn(current)
    spend_ahead = VALUE_LEARNERS[-1].fit(data.snapshots, current).expected(current)
    gamma_shape, terms = fit_spend_gamma_shape(data.snapshots), value_terms(TERMS, data.windows.horizon_days)
    holdfast = value_frame(data.btyd, current, p_churn, terms, spend_ahead)
    p_zero = OrderDates(data.btyd.orders).p_no_order(current, p_churn, data.windows.horizon_days, YEAR_DAYS)
    low, high = ValueInterval(gamma_shape).bounds(holdfast["expected_value"].to_numpy(), p_zero)
    order_models = value_interval(data.btyd.orders, data.btyd.spend, current, YEAR_DAYS)
    outcomes = labels(tables.transactions, day, YEAR_DAYS).collect()
    actual = current.select("customer_id").join(outcomes, on="customer_id", how="left")
    return pl.DataFrame(
        {
            "spend": actual["next_spend"].fill_null(0.0).clip(lower_bound=0.0),
            "mean:holdfast": holdfast["expected_value"],
            "low:holdfast": low,
            "high:holdfast": high,
            "mean:order models": data.btyd.orders.expected_orders(current, YEAR_DAYS) * current["btyd_expected_spend"],
            "low:order models": order_models["value_low"],
            "high:order models": order_models["value_high"],
        }
    )


def print_report(name: str, settings: Settings, tables: Tables, days: list[date]) -> None:
    """Print a row per day and method."""
    for day in days:
        frame = predict_value(settings, tables, day)
        spend = frame["spend"].to_numpy()
        for method in ("holdfast", "order models"):
            mean, low, high = (frame[f"{column}:{method}"].to_numpy() for column in ("mean", "low", "high"))
            value, interval = value_metrics(spend, mean), interval_metrics(spend, low, high)
            print(
                f"| {name} {day}, {frame.height:,} customers | {method} | {value['bias']:+.2f} | {value['gini']:.3f} | "
                f"{interval['above_high']:.3f} | {(spend < low).mean():.3f} | {interval['interval_score']:,.0f} |"
            )


def main(retail: Path) -> None:
    """Judge predictions on Online Retail if its file exists, on CDNOW, and on a simulated shop."""
    print("| log | method | bias of total | Gini | above value_high | below value_low | interval score |")
    print("|---|---|---|---|---|---|---|")
    if retail.is_file():
        settings = Settings(tables=TableSources(str(retail)))
        settings.columns.transactions.update(RETAIL)
        print_report("Online Retail", settings, load_tables(settings, utc_now())[0], RETAIL_DAYS)
    settings = Settings(tables=TableSources("unused"))
    log = read_cdnow().with_columns(pl.col("ordered_at").cast(pl.Datetime("us")), order_id=pl.col("customer_id"))
    print_report("CDNOW", settings, Tables(log.lazy()), [date(1997, 7, 1)])
    shop = simulate(3_000, 200, seed=4)
    print_report(
        "simulated",
        settings,
        Tables(**{name: frame.lazy() for name, frame in shop.tables.items()}),
        [shop.as_of - timedelta(days=YEAR_DAYS)],
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lifetime", description=__doc__)
    parser.add_argument("--retail", type=Path, default=Path("../shared/data/online_retail.parquet"))
    main(parser.parse_args().retail)
