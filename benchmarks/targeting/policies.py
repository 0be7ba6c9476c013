"""What twelve weeks of lists are worth: against doing nothing, against chance, and against calling the highest risk first.

All worlds begin alike and have the same luck; what differs is only whom they contact. Each policy may contact the same number
of customers a week, of those whom the rules allow.
"""

import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.targeting.programme import WINDOW_WEEKS, Choice, Company, amounts, begin, issue_week, live_week
from holdfast.demo.simulated.shop import simulate, start_of
from models.champion import current_champion
from serving.list_kind import ListKind
from serving.targeting.left_out import LeftOut
from settings.load import load_settings

CUSTOMERS, HISTORY_WEEKS, LIST_WEEKS = 3_000, 104, 12
CONTACTS_A_WEEK, PAUSE_DAYS = 40, 56  # a contact works for eight weeks here
KINDS = (ListKind.AT_RISK, ListKind.WIN_BACK)
POLICIES = ("nothing", "random", "highest risk", "expected gain")
ALLOWED = (LeftOut.NOT_WORTH_IT.value, LeftOut.BUDGET.value)


def choice(policy: str, seed: int) -> Choice:
    """Return what keeps the first so many of those whom the rules allow, in the policy's order."""
    rng = np.random.default_rng(seed)

    def choose(frame: pl.DataFrame) -> pl.DataFrame:
        worth = pl.col("value_at_risk") * pl.when(pl.col("target") == "win_back").then(0.05).otherwise(0.10)
        order = {"random": pl.Series(rng.random(frame.height)), "highest risk": pl.col("p_churn"), "expected gain": worth}[policy]
        allowed = (pl.col("left_out").is_null() | pl.col("left_out").is_in(ALLOWED)) & (pl.col("target") != "recovery")
        ranked = frame.with_columns(pl.when(allowed).then(order).alias("_order")).sort(
            "_order", "customer_id", nulls_last=True, descending=[True, False]
        )
        first = pl.col("_order").is_not_null() & (pl.int_range(pl.len()) < CONTACTS_A_WEEK)
        return ranked.with_columns(
            pl.when(first).then(None).otherwise(pl.col("left_out").fill_null("limit")).alias("left_out"),
            pl.when(first).then(pl.col("target")).alias("action"),
            pl.lit(0.5).alias("action_cost"),
            pl.col("expected_gain").fill_null(0.0),
        ).drop("_order")

    return choose


def one_world(config: Path, seed: int) -> dict[str, float]:
    """Return the profit of each policy in one world over the weeks of lists and one window more, and how many it contacted."""
    settings = load_settings(config, {})
    calm = replace(settings.targeting, pause_days=PAUSE_DAYS, control_share=0.0, budget=None)
    settings = replace(settings, targeting=calm)
    champion = current_champion(settings.workspace.path / "champion")
    shop = simulate(CUSTOMERS, HISTORY_WEEKS, seed)
    nobody, told = pl.Series("customer_id", [], dtype=pl.String), {}
    with tempfile.TemporaryDirectory() as name:
        for policy in POLICIES:
            company = begin(settings, champion, shop, Path(name) / policy)
            for week in range(LIST_WEEKS + WINDOW_WEEKS):
                acts = policy != "nothing" and week < LIST_WEEKS
                listed = issue_week(company, KINDS, choice(policy, seed + week))["customer_id"] if acts else nobody
                live_week(company, listed)
            told[policy] = _profit(company, start_of(shop.state.week))
            told[f"contacts: {policy}"] = float(company.contacts)
    return told


def _profit(company: Company, since: object) -> float:
    """Margin of all orders since, at what an order of each customer comes to on average, less the cost of contacts."""
    margin = company.settings.value.margin
    rows = company.tables["transactions"].filter((pl.col("ordered_at").dt.date() >= since) & (pl.col("quantity") > 0))
    orders = rows.group_by("customer_id").agg(pl.col("order_id").n_unique().alias("orders"))
    worth = orders.join(amounts(company.state), on="customer_id").select((pl.col("orders") * pl.col("amount")).sum()).item()
    return float(margin * worth - 0.5 * company.contacts)


def policies(config: Path, seeds: int, processes: int) -> None:
    """Print the profit of each policy on top of doing nothing, and of ours on top of the others, with intervals over worlds."""
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        found = list(pool.map(partial(one_world, config), range(2_000, 2_000 + seeds)))
    terms = f"{LIST_WEEKS} weeks, {CONTACTS_A_WEEK} contacts a week, pause {PAUSE_DAYS} days"
    print(f"{seeds} worlds of {CUSTOMERS:,} customers, {terms}")
    base = np.mean([each["nothing"] for each in found])
    print(f"profit of doing nothing: {base:,.0f} a world")
    pairs = [(each, "nothing") for each in POLICIES[1:]] + [("expected gain", each) for each in POLICIES[1:3]]
    for policy, other in pairs:
        more = np.array([each[policy] - each[other] for each in found])
        error = 1.96 * more.std(ddof=1) / np.sqrt(seeds)
        contacts = np.mean([each[f"contacts: {policy}"] for each in found])
        interval = f"{more.mean():+,.1f} [{more.mean() - error:+,.1f}, {more.mean() + error:+,.1f}]"
        print(f"{policy} against {other}: {interval} EUR a world; {contacts:.0f} contacts")
