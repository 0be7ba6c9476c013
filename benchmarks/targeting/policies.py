"""What twelve weeks of lists are worth: against doing nothing, against chance, and against calling the highest risk first.

All worlds begin alike and have the same luck; what differs is only whom they contact. Each policy may contact the same number
of customers a week, of those whom the rules allow; one that goes by the expected gain contacts nobody who is not expected to
bring more than the contact costs.
"""

import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import polars as pl
from scipy.stats import t as student

from benchmarks.targeting.programme import WINDOW_WEEKS, Choice, Company, amounts, begin, issue_week, live_week
from features.point_in_time import known_before
from features.tables.schema import Tables
from features.windows import churn_windows
from holdfast.demo.simulated.shop import Shop, simulate, start_of
from models.champion import Champion, current_champion
from models.uplift.learners import Uplift
from serving.schemas.list_kind import ListKind
from serving.targeting.exclusions import Exclusion
from settings.load import load_settings
from settings.sections import Settings
from training.data.experiments import ExperimentQuery, experiments
from training.uplift import Response, model_of, response

CUSTOMERS, HISTORY_WEEKS, LIST_WEEKS = 3_000, 104, 12
CONTACTS_A_WEEK, PAUSE_DAYS = 40, 56  # a contact works for eight weeks here
CONTACT_COST, CAMPAIGN = 0.5, "newsletter"
KINDS = (ListKind.AT_RISK, ListKind.WIN_BACK)
ALLOWED = (Exclusion.NOT_WORTH_IT.value, Exclusion.BUDGET.value)
NOTHING, RANDOM, HIGHEST = "nothing", "random", "highest risk"
SHARE, ODDS, MEASURED = "gain by save rates", "gain by odds", "gain as measured"
DECIDED = "gain as `train` decides"  # measured where that wins on held-out customers, else by save rates
SIMULATED = (NOTHING, RANDOM, HIGHEST, SHARE, ODDS, MEASURED)
GAINS = (SHARE, ODDS, MEASURED, DECIDED)


def choice(policy: str, seed: int) -> Choice:
    """Return what keeps the first so many of those whom the rules allow, in the policy's order."""
    rng = np.random.default_rng(seed)

    def choose(frame: pl.DataFrame) -> pl.DataFrame:
        by_gain = pl.when(pl.col("left_out").is_null()).then("expected_gain")
        allowed = pl.col("left_out").is_null() | pl.col("left_out").is_in(ALLOWED)
        others = {RANDOM: pl.lit(pl.Series(rng.random(frame.height))), HIGHEST: pl.col("p_churn")}
        order = pl.when(allowed).then(others[policy]) if policy in others else by_gain
        ranked = frame.with_columns(pl.when(pl.col("target") != "recovery").then(order).alias("_order")).sort(
            "_order", "customer_id", nulls_last=True, descending=[True, False]
        )
        first = pl.col("_order").is_not_null() & (pl.int_range(pl.len()) < CONTACTS_A_WEEK)
        return ranked.with_columns(
            pl.when(first).then(None).otherwise(pl.col("left_out").fill_null("limit")).alias("left_out"),
            pl.when(first).then(pl.col("target")).alias("action"),
            pl.lit(CONTACT_COST).alias("action_cost"),
            pl.col("expected_gain").fill_null(0.0),
        ).drop("_order")

    return choose


def one_world(config: Path, seed: int) -> dict[str, float]:
    """Return the profit of each policy in one world over the weeks of lists and one window more, and how many it contacted.

    `used` is 1 where `train` would go by the measured effects. They are learned from what the world's own company did before.
    """
    settings = _calm(load_settings(config, {}))
    champion = replace(current_champion(settings.workspace.path / "champion"), uplift={})
    shop = simulate(CUSTOMERS, HISTORY_WEEKS, seed)
    response, uplift = _response(settings, shop, champion)
    used = response.policies.is_better
    told = {"used": float(used)}
    with tempfile.TemporaryDirectory() as name:
        for policy in SIMULATED:
            own, scored_by = _means(policy, settings, champion, uplift)
            company = begin(own, scored_by, shop, Path(name) / policy)
            _live(company, policy, seed)
            told[policy] = _profit(company, start_of(shop.state.week))
            told[f"contacts: {policy}"] = float(company.contacts)
    decided = MEASURED if used else SHARE
    return told | {DECIDED: told[decided], f"contacts: {DECIDED}": told[f"contacts: {decided}"]}


def _calm(settings: Settings) -> Settings:
    """The terms of a comparison: nobody held out, money for everybody, and no contact while the last one works."""
    targeting = replace(settings.targeting, pause_days=PAUSE_DAYS, control_share=0.0, budget=None)
    return replace(settings, targeting=targeting)


def _response(settings: Settings, shop: Shop, champion: Champion) -> tuple[Response, dict[str, Uplift]]:
    """What the shop's own campaigns tell, and the model of it whether it would be used or not."""
    tables = Tables(**{name: frame.lazy() for name, frame in shop.tables.items()})
    known = known_before(tables, shop.as_of)
    asked = ExperimentQuery(settings, known, shop.as_of, churn_windows(settings.churn, known, shop.as_of))
    trial = experiments(asked, lambda _stage, _done, _total: None)[CAMPAIGN]
    found = response(asked, [each for each in settings.targeting.actions if each.contacts_name == CAMPAIGN], trial)
    return found, {CAMPAIGN: model_of(found, trial, champion.churn)}


def _means(policy: str, settings: Settings, champion: Champion, uplift: dict[str, Uplift]) -> tuple[Settings, Champion]:
    """What a policy reckons with: settings and champion."""
    if policy == MEASURED:
        return settings, replace(champion, uplift=uplift)
    if policy == ODDS:
        actions = tuple(replace(action, effect="odds") for action in settings.targeting.actions)
        return replace(settings, targeting=replace(settings.targeting, actions=actions)), champion
    return settings, champion


def _live(company: Company, policy: str, seed: int) -> None:
    nobody = pl.Series("customer_id", [], dtype=pl.String)
    for week in range(LIST_WEEKS + WINDOW_WEEKS):
        acts = policy != NOTHING and week < LIST_WEEKS
        live_week(company, issue_week(company, KINDS, choice(policy, seed + week))["customer_id"] if acts else nobody)


def _profit(company: Company, since: object) -> float:
    """Margin of all orders since, at what an order of each customer comes to on average, less the cost of contacts."""
    margin = company.settings.value.margin
    rows = company.tables["transactions"].filter((pl.col("ordered_at").dt.date() >= since) & (pl.col("quantity") > 0))
    orders = rows.group_by("customer_id").agg(pl.col("order_id").n_unique().alias("orders"))
    worth = orders.join(amounts(company.state), on="customer_id").select((pl.col("orders") * pl.col("amount")).sum()).item()
    return float(margin * worth - CONTACT_COST * company.contacts)


def policies(config: Path, seeds: int, processes: int) -> None:
    """Print the profit of each policy on top of doing nothing, and of ours on top of the others, with intervals over worlds."""
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        found = list(pool.map(partial(one_world, config), range(2_000, 2_000 + seeds)))
    terms = f"{LIST_WEEKS} weeks, {CONTACTS_A_WEEK} contacts a week, pause {PAUSE_DAYS} days"
    print(f"{seeds} worlds of {CUSTOMERS:,} customers, {terms}")
    base, used = (np.mean([each[name] for each in found]) for name in (NOTHING, "used"))
    print(f"profit of doing nothing: {base:,.0f} a world; measured effects are used in {used:.0%} of worlds")
    print("EUR a world | contacts | against doing nothing | random | highest risk | gain by save rates")
    for policy in (RANDOM, HIGHEST, *GAINS):
        contacts = np.mean([each[f"contacts: {policy}"] for each in found])
        leads = " | ".join("" if policy == other else _lead(found, policy, other) for other in (NOTHING, RANDOM, HIGHEST, SHARE))
        print(f"{policy} | {contacts:.0f} | {leads}")


def _lead(found: list[dict[str, float]], policy: str, other: str) -> str:
    more = np.array([each[policy] - each[other] for each in found])
    error = float(student.ppf(0.975, len(more) - 1)) * more.std(ddof=1) / np.sqrt(len(more))
    return f"{more.mean():+,.0f} [{more.mean() - error:+,.0f}, {more.mean() + error:+,.0f}]"
