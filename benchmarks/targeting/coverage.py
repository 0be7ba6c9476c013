"""Whether the 95 % interval of `outcomes` holds the truth: small worlds that differ in nothing but their seed, no retraining."""

import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.targeting.programme import WINDOW_WEEKS, Company, amounts, begin, issue_week, live_week
from holdfast.demo.simulated.shop import simulate, start_of
from models.champion import current_champion
from serving.outcomes.measure import earned
from serving.outcomes.rows import enrolments, issued_rows, with_outcomes
from serving.schemas.list_kind import ListKind
from settings.load import load_settings

CUSTOMERS, HISTORY_WEEKS, LIST_WEEKS = 2_000, 104, 12
KINDS = (ListKind.AT_RISK, ListKind.WIN_BACK)


@dataclass(frozen=True)
class Seen:
    """Estimates and intervals of one world beside the truth: mean, low, high, truth; of orders and of profit."""

    orders: tuple[float, float, float, float]
    profit: tuple[float, float, float, float]
    treated: int
    control: int


def one_world(config: Path, seed: int) -> Seen:
    """Run twelve weeks of lists, wait until all windows have closed, and compare `outcomes` with a twin that never acted."""
    settings = load_settings(config, {})
    champion = current_champion(settings.workspace.path / "champion")
    with tempfile.TemporaryDirectory() as name:
        shop = simulate(CUSTOMERS, HISTORY_WEEKS, seed)
        company, twin = (begin(settings, champion, shop, Path(name) / each) for each in ("acts", "waits"))
        for week in range(LIST_WEEKS + WINDOW_WEEKS):
            listed = issue_week(company, KINDS).filter(arm="treated") if week < LIST_WEEKS else None
            nobody = pl.Series("customer_id", [], dtype=pl.String)
            live_week(company, nobody if listed is None else listed["customer_id"])
            live_week(twin, nobody)
        return _compare(company, twin)


def _compare(company: Company, twin: Company) -> Seen:
    margin, until = company.settings.value.margin, start_of(company.state.week)
    issued = issued_rows(company.store)
    rows = with_outcomes(issued, company.tables["transactions"].lazy(), until, margin)
    found = next(each for each in earned(rows) if each.scope == "all")
    without = with_outcomes(issued, twin.tables["transactions"].lazy(), until, margin)
    treated = enrolments(rows).filter(arm="treated")
    both = treated.join(without.select("list_id", "who", pl.col("orders").alias("without")), on=["list_id", "who"])
    told = both.join(amounts(company.state), on="customer_id")
    more = pl.col("orders") - pl.col("without")
    truth = told.select(more.mean().alias("orders"), (margin * more * pl.col("amount") - pl.col("cost")).mean().alias("profit"))
    orders, profit = found.orders, found.profit
    if orders is None or profit is None:
        raise ValueError("a world without controls tells nothing")
    true_orders, true_profit = truth.row(0)
    return Seen(
        (orders.mean, orders.low, orders.high, true_orders),
        (profit.mean, profit.low, profit.high, true_profit),
        found.treated,
        found.control,
    )


def coverage(config: Path, seeds: int, processes: int) -> None:
    """Print in how many worlds each interval holds the truth, and how wide it is beside what is there to be seen."""
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        found = list(pool.map(partial(one_world, config), range(1_000, 1_000 + seeds)))
    size = np.array([[each.treated, each.control] for each in found]).mean(axis=0)
    print(
        f"{seeds} worlds of {CUSTOMERS:,} customers, {LIST_WEEKS} weeks of lists: {size[0]:.0f} treated, {size[1]:.0f} held out"
    )
    for what in ("orders", "profit"):
        rows = np.array([getattr(each, what) for each in found])
        held = int(((rows[:, 1] <= rows[:, 3]) & (rows[:, 3] <= rows[:, 2])).sum())
        mean, width = rows[:, 0].mean(), (rows[:, 2] - rows[:, 1]).mean()
        spread = rows[:, 0].std(ddof=1) / np.sqrt(seeds)
        print(
            f"{what} per treated customer: the interval holds the truth in {held} of {seeds}; mean estimate {mean:.3f} "
            f"(standard error {spread:.3f}), mean truth {rows[:, 3].mean():.3f}, mean width {width:.3f}"
        )
