"""How often do 80 % intervals hold what they promise: on simulated truth, and on real holdouts?

Run: python -m benchmarks.btyd_coverage [--retail ../shared/data/online_retail.parquet] [--worlds 200]

Simulated: each world draws 1,000 customers of a model, up to two years old, and their next year; the same model is fitted to
what was seen. Real: CDNOW (39 weeks after the first 39) and, where it is there, Online Retail at the first of eight months
with the next 90 days. One customer's numbers are whole and often 0, so more than 80 % lie within, and up to 10 % above; a
total lies within its interval in 80 % of worlds when parameters and process are the only doubt.
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
from models.btyd.simulation import simulate, spend_of

TRUTHS: list[OrderModel] = [BGNBD(0.6, 60.0, 0.5, 2.5), MBGNBD(0.6, 60.0, 0.5, 2.5), ParetoNBD(0.6, 60.0, 0.6, 200.0)]
SPEND = GammaGamma(6.0, 4.0, 60.0)
CUSTOMERS, YEAR = 1_000, 365.0
MONTHS = [date(2011, month, 1) for month in (1, 2, 3, 4, 5, 6)] + [date(2010, 9, 1), date(2010, 11, 1)]
HEAD = "| data | customers | within | above | below | value within | value above | total orders | total value |"


@dataclass
class Tally:
    """Counts over worlds or holdouts."""

    customers: int = 0
    hits: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("in", "above", "below", "v_in", "v_above"), 0))
    totals: list[tuple[bool, bool]] = field(default_factory=list)

    def add(self, model: OrderModel, spend: GammaGamma, frame: pl.DataFrame, h: float, *, each: bool) -> None:
        """Compare `later_orders` and `later_value` with the intervals of a frame."""
        orders = total_orders(model, frame, [h]).row(0, named=True)
        value = total_value(model, spend, frame, [h]).row(0, named=True)
        self.totals.append(
            tuple(
                bool(total["low"] <= frame[name].sum() <= total["high"])
                for total, name in ((orders, "later_orders"), (value, "later_value"))
            )  # type: ignore[arg-type]  # two of them
        )
        if not each:
            return
        one, own = order_interval(model, frame, h), value_interval(model, spend, frame, h)
        above, below = frame["later_orders"] > one["orders_high"], frame["later_orders"] < one["orders_low"]
        v_above, v_below = frame["later_value"] > own["value_high"], frame["later_value"] < own["value_low"]
        self.customers += frame.height
        for name, seen in (
            ("above", above),
            ("below", below),
            ("in", ~(above | below)),
            ("v_above", v_above),
            ("v_in", ~(v_above | v_below)),
        ):
            self.hits[name] += int(seen.sum())

    def row(self, name: str) -> str:
        """Return the line of a table."""
        shares = [f"{self.hits[hit] / max(self.customers, 1):.1%}" for hit in ("in", "above", "below", "v_in", "v_above")]
        of_totals = [f"{sum(total[place] for total in self.totals)} of {len(self.totals)}" for place in (0, 1)]
        return f"| {name} | {self.customers:,} | {' | '.join(shares + of_totals)} |"


def simulated(truth: OrderModel, worlds: int) -> Tally:
    """Tally worlds of a model; single customers in every tenth of them."""
    rng, tally = np.random.default_rng(7), Tally()
    for world in range(worlds):
        frame = simulate(truth, pl.DataFrame({"T": np.ceil(rng.uniform(0, 730, CUSTOMERS))}), YEAR, rng)
        x, later = frame["frequency"].to_numpy(), frame["later_orders"].to_numpy()
        past_spend, own = spend_of(*SPEND.params.values(), x, rng)
        after = np.where(later > 0, rng.gamma(np.maximum(SPEND.p * later, 1e-9)) / own, 0.0)
        average = pl.when(pl.col("frequency") > 0).then(pl.Series(past_spend) / pl.col("frequency"))
        frame = frame.with_columns(monetary_value=average, later_value=pl.Series(after))
        tally.add(type(truth)().fit(frame), GammaGamma().fit(frame), frame, YEAR, each=world % 10 == 0)
    return tally


def holdout(days: pl.DataFrame, split: date, length: int) -> pl.DataFrame:
    """Return the histories before `split`, with orders and spend of the `length` days from then on."""
    later = days.filter(pl.col(DAY).is_between(split, split + timedelta(days=length), closed="left"))
    sums = later.group_by(CUSTOMER).agg(pl.len().alias("later_orders"), pl.col("spend").sum().alias("later_value"))
    found = purchase_histories(days, split).join(sums, on=CUSTOMER, how="left")
    return found.with_columns(pl.col("later_orders", "later_value").fill_null(0))


def real(retail: Path) -> Iterator[tuple[str, pl.DataFrame, list[tuple[date, int]]]]:
    """Yield name, purchase days and holdouts of the real logs that are there."""
    amount = pl.col("amount").sum().alias("spend")
    yield (
        "CDNOW, 273 days",
        read_cdnow().group_by(CUSTOMER, pl.col("ordered_at").alias(DAY)).agg(amount),
        [(date(1997, 10, 1), 273)],
    )
    if not retail.is_file():
        print(f"{retail} is absent: Online Retail is left out")
        return
    sales = pl.read_parquet(retail).filter(pl.col("CustomerID").is_not_null(), pl.col("Quantity") > 0)
    spend = (pl.col("Quantity") * pl.col("Price")).sum().alias("spend")
    days = sales.group_by(pl.col("CustomerID").alias(CUSTOMER), pl.col("InvoiceDate").dt.date().alias(DAY)).agg(spend)
    yield "Online Retail, 90 days", days, [(month, 90) for month in sorted(MONTHS)]


def main(retail: Path, worlds: int) -> None:
    """Print one line per model and kind of data."""
    print(f"{HEAD}\n|{'---|' * 9}")
    for truth in TRUTHS:
        print(simulated(truth, worlds).row(f"{type(truth).__name__}, {worlds} simulated worlds"))
    for name, days, splits in real(retail):
        frames = [(holdout(days, split, length), length) for split, length in splits]
        for model in (BGNBD, MBGNBD, ParetoNBD):
            tally = Tally()
            for frame, length in frames:
                tally.add(model().fit(frame), GammaGamma().fit(frame), frame, float(length), each=True)
            print(tally.row(f"{model.__name__}, {name}"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.btyd_coverage", description=__doc__)
    parser.add_argument("--retail", type=Path, default=Path("../shared/data/online_retail.parquet"))
    parser.add_argument("--worlds", type=int, default=200)
    arguments = parser.parse_args()
    main(arguments.retail, arguments.worlds)
