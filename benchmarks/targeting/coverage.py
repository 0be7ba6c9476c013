"""Coverage of the 95 % intervals of `outcomes`: small worlds that differ only in their seed, without retraining."""

import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.targeting.programme import WINDOW_WEEKS, Company, issue_week, live_week, mean_amounts, start_company
from holdfast.demo.simulated.shop import simulate, week_start
from models.champion import current_champion
from serving.outcomes.measure import measure_groups
from serving.outcomes.rows import enrolments, issued_rows, with_outcomes
from serving.schemas.list_kind import ListKind
from settings.load import load_settings

CUSTOMERS, HISTORY_WEEKS, LIST_WEEKS = 2_000, 104, 12
KINDS = (ListKind.AT_RISK, ListKind.WIN_BACK)
FIRST_SEED = 1_000


@dataclass(frozen=True)
class WorldEstimates:
    """Estimate, interval and truth of one world, as (mean, low, high, truth), of orders and of profit per treated customer."""

    orders: tuple[float, float, float, float]
    profit: tuple[float, float, float, float]
    treated: int
    control: int


def one_world(config: Path, seed: int) -> WorldEstimates:
    """Run twelve weeks of lists, wait until all windows are closed, and compare `outcomes` with a twin without lists."""
    settings = load_settings(config, {})
    champion = current_champion(settings.workspace.path / "champion")
    no_customers = pl.Series("customer_id", [], dtype=pl.String)
    with tempfile.TemporaryDirectory() as name:
        shop = simulate(CUSTOMERS, HISTORY_WEEKS, seed)
        company, twin = (start_company(settings, champion, shop, Path(name) / folder) for folder in ("company", "twin"))
        for week in range(LIST_WEEKS + WINDOW_WEEKS):
            treated = issue_week(company, KINDS).filter(arm="treated")["customer_id"] if week < LIST_WEEKS else no_customers
            live_week(company, treated)
            live_week(twin, no_customers)
        return _compare(company, twin)


def _compare(company: Company, twin: Company) -> WorldEstimates:
    margin, until = company.settings.value.margin, week_start(company.state.week)
    issued = issued_rows(company.store)
    rows = with_outcomes(issued, company.tables["transactions"].lazy(), until, margin)
    estimate = next(group for group in measure_groups(rows) if group.scope == "all")
    twin_rows = with_outcomes(issued, twin.tables["transactions"].lazy(), until, margin)
    treated = enrolments(rows).filter(arm="treated")
    pairs = treated.join(twin_rows.select("list_id", "who", pl.col("orders").alias("twin_orders")), on=["list_id", "who"])
    priced = pairs.join(mean_amounts(company.state), on="customer_id")
    gained = pl.col("orders") - pl.col("twin_orders")
    profit_gained = margin * gained * pl.col("amount") - pl.col("cost")
    true_orders, true_profit = priced.select(gained.mean().alias("orders"), profit_gained.mean().alias("profit")).row(0)
    orders, profit = estimate.orders, estimate.profit
    if orders is None or profit is None:
        raise ValueError("the world has no control group, so there is no estimate")
    return WorldEstimates(
        orders=(orders.mean, orders.low, orders.high, true_orders),
        profit=(profit.mean, profit.low, profit.high, true_profit),
        treated=estimate.treated,
        control=estimate.control,
    )


def print_coverage(config: Path, seeds: int, processes: int) -> None:
    """Print in how many worlds each interval contains the truth, with its mean width and the mean estimate and truth."""
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        worlds = list(pool.map(partial(one_world, config), range(FIRST_SEED, FIRST_SEED + seeds)))
    treated, control = np.array([[world.treated, world.control] for world in worlds]).mean(axis=0)
    print(
        f"{seeds} worlds of {CUSTOMERS:,} customers, {LIST_WEEKS} weeks of lists: {treated:.0f} treated, {control:.0f} held out"
    )
    for quantity in ("orders", "profit"):
        mean, low, high, truth = np.array([getattr(world, quantity) for world in worlds]).T
        covered = int(((low <= truth) & (truth <= high)).sum())
        standard_error = mean.std(ddof=1) / np.sqrt(seeds)
        print(
            f"{quantity} per treated customer: the interval contains the truth in {covered} of {seeds}; mean estimate "
            f"{mean.mean():.3f} (standard error {standard_error:.3f}), mean truth {truth.mean():.3f}, "
            f"mean width {(high - low).mean():.3f}"
        )
