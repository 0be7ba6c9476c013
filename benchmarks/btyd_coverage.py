"""Measure how often 80 % intervals contain the actual value, on simulated worlds and on real holdouts.

Run: python -m benchmarks.btyd_coverage [--retail ../shared/data/online_retail.parquet] [--worlds 200]

Simulated: each world has 1,000 customers of a model, up to two years old, and their next year; the same model is fitted to
their histories. Real: CDNOW (39 weeks after the first 39) and, if the file exists, Online Retail at the first of eight months
with the next 90 days. A customer's orders are whole numbers and often 0, so more than 80 % lie within, and up to 10 % above.
A total lies within its interval in 80 % of worlds if parameters and process are the only sources of uncertainty.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from features.btyd_summary import purchase_histories
from features.frames.columns import CUSTOMER, DAY
from holdfast.demo.cdnow import read_cdnow
from models.btyd.bgnbd import BGNBD
from models.btyd.forecasts import total_orders, total_value
from models.btyd.gamma_gamma import GammaGamma
from models.btyd.intervals import order_interval, value_interval
from models.btyd.mbgnbd import MBGNBD
from models.btyd.order_model import OrderModel
from models.btyd.paretonbd import ParetoNBD
from models.btyd.simulation import simulate_orders, simulate_spend

TRUTHS: list[OrderModel] = [
    BGNBD(r=0.6, alpha=60.0, a=0.5, b=2.5),
    MBGNBD(r=0.6, alpha=60.0, a=0.5, b=2.5),
    ParetoNBD(r=0.6, alpha=60.0, s=0.6, beta=200.0),
]
SPEND = GammaGamma(p=6.0, q=4.0, gamma=60.0)
CUSTOMERS, YEAR_DAYS = 1_000, 365.0
MONTHS = [date(2011, month, 1) for month in (1, 2, 3, 4, 5, 6)] + [date(2010, 9, 1), date(2010, 11, 1)]
HEADER = "| data | customers | within | above | below | value within | value above | total orders | total value |"
COUNTS = ("within", "above", "below", "value_within", "value_above")


@dataclass
class Tally:
    """Counts over worlds or holdouts."""

    customers: int = 0
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))
    orders_within: list[bool] = field(default_factory=list)
    value_within: list[bool] = field(default_factory=list)

    def add(self, model: OrderModel, spend: GammaGamma, frame: pl.DataFrame, h: float, *, with_customers: bool) -> None:
        """Compare `later_orders` and `later_value` with the intervals of a frame: of the totals, and of single customers."""
        orders = total_orders(model, frame, [h]).row(0, named=True)
        value = total_value(model, spend, frame, [h]).row(0, named=True)
        self.orders_within.append(bool(orders["low"] <= frame["later_orders"].sum() <= orders["high"]))
        self.value_within.append(bool(value["low"] <= frame["later_value"].sum() <= value["high"]))
        if with_customers:
            self._add_customers(model, spend, frame, h)

    def _add_customers(self, model: OrderModel, spend: GammaGamma, frame: pl.DataFrame, h: float) -> None:
        orders, value = order_interval(model, frame, h), value_interval(model, spend, frame, h)
        above, below = frame["later_orders"] > orders["orders_high"], frame["later_orders"] < orders["orders_low"]
        value_above, value_below = frame["later_value"] > value["value_high"], frame["later_value"] < value["value_low"]
        self.customers += frame.height
        for name, mask in zip(COUNTS, (~(above | below), above, below, ~(value_above | value_below), value_above), strict=True):
            self.counts[name] += int(mask.sum())

    def row(self, name: str) -> str:
        """Return the row of the table."""
        shares = [f"{self.counts[count] / max(self.customers, 1):.1%}" for count in COUNTS]
        totals = [f"{sum(within)} of {len(within)}" for within in (self.orders_within, self.value_within)]
        return f"| {name} | {self.customers:,} | {' | '.join(shares + totals)} |"


def tally_simulated(truth: OrderModel, worlds: int) -> Tally:
    """Tally worlds of a model; single customers in every tenth of them."""
    rng, tally = np.random.default_rng(7), Tally()
    for world in range(worlds):
        frame = simulate_orders(truth, pl.DataFrame({"T": np.ceil(rng.uniform(0, 730, CUSTOMERS))}), YEAR_DAYS, rng)
        x, later = frame["frequency"].to_numpy(), frame["later_orders"].to_numpy()
        spend, v = simulate_spend(*SPEND.params.values(), x, rng)
        later_value = np.where(later > 0, rng.gamma(np.maximum(SPEND.p * later, 1e-9)) / v, 0.0)
        monetary_value = pl.when(pl.col("frequency") > 0).then(pl.Series(spend) / pl.col("frequency"))
        frame = frame.with_columns(monetary_value=monetary_value, later_value=pl.Series(later_value))
        tally.add(type(truth)().fit(frame), GammaGamma().fit(frame), frame, YEAR_DAYS, with_customers=world % 10 == 0)
    return tally


def holdout(days: pl.DataFrame, split: date, length: int) -> pl.DataFrame:
    """Return the histories before `split`, with orders and spend of the `length` days from `split` on."""
    window = days.filter(pl.col(DAY).is_between(split, split + timedelta(days=length), closed="left"))
    sums = window.group_by(CUSTOMER).agg(pl.len().alias("later_orders"), pl.col("spend").sum().alias("later_value"))
    histories = purchase_histories(days, split).join(sums, on=CUSTOMER, how="left")
    return histories.with_columns(pl.col("later_orders", "later_value").fill_null(0))


def real_logs(retail: Path) -> Iterator[tuple[str, pl.DataFrame, list[tuple[date, int]]]]:
    """Yield name, purchase days and holdouts (first day, length) of the real logs that exist."""
    amount = pl.col("amount").sum().alias("spend")
    yield (
        "CDNOW, 273 days",
        read_cdnow().group_by(CUSTOMER, pl.col("ordered_at").alias(DAY)).agg(amount),
        [(date(1997, 10, 1), 273)],
    )
    if not retail.is_file():
        print(f"{retail} does not exist: Online Retail is skipped")
        return
    sales = pl.read_parquet(retail).filter(pl.col("CustomerID").is_not_null(), pl.col("Quantity") > 0)
    spend = (pl.col("Quantity") * pl.col("Price")).sum().alias("spend")
    days = sales.group_by(pl.col("CustomerID").alias(CUSTOMER), pl.col("InvoiceDate").dt.date().alias(DAY)).agg(spend)
    yield "Online Retail, 90 days", days, [(month, 90) for month in sorted(MONTHS)]


def main(retail: Path, worlds: int) -> None:
    """Print one row per model and kind of data."""
    print(f"{HEADER}\n|{'---|' * 9}")
    for truth in TRUTHS:
        print(tally_simulated(truth, worlds).row(f"{type(truth).__name__}, {worlds} simulated worlds"))
    for name, days, splits in real_logs(retail):
        frames = [(holdout(days, split, length), length) for split, length in splits]
        for model_class in (BGNBD, MBGNBD, ParetoNBD):
            tally = Tally()
            for frame, length in frames:
                tally.add(model_class().fit(frame), GammaGamma().fit(frame), frame, float(length), with_customers=True)
            print(tally.row(f"{model_class.__name__}, {name}"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.btyd_coverage", description=__doc__)
    parser.add_argument("--retail", type=Path, default=Path("../shared/data/online_retail.parquet"))
    parser.add_argument("--worlds", type=int, default=200)
    arguments = parser.parse_args()
    main(arguments.retail, arguments.worlds)
