"""The value of twelve weeks of lists: against no contacts, random contacts, and contacts in order of risk.

All worlds start alike and share their random numbers; the policies differ only in whom they contact. Each policy may contact the
same number of customers a week, of those that the rules allow. A policy that uses the expected gain contacts only customers
expected to bring more than the contact costs.
"""

import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import date
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from scipy.stats import t as student

from benchmarks.targeting.programme import WINDOW_WEEKS, Choice, Company, issue_week, live_week, mean_amounts, start_company
from features.point_in_time import known_before
from features.tables.schema import Tables
from features.windows import churn_windows
from holdfast.demo.simulated.shop import Shop, simulate, week_start
from models.champion import Champion, current_champion
from models.uplift.learners import Uplift
from serving.schemas.list_kind import ListKind
from serving.targeting.exclusions import Exclusion
from settings.load import load_settings
from settings.sections import Settings
from training.data.experiments import ExperimentQuery, experiments
from training.uplift import Response, fit_effect_model, measure_response

CUSTOMERS, HISTORY_WEEKS, LIST_WEEKS = 3_000, 104, 12
FIRST_SEED = 2_000
CONTACTS_PER_WEEK, PAUSE_DAYS = 40, 56  # a contact works for eight weeks here
CONTACT_COST, CAMPAIGN = 0.5, "newsletter"
KINDS = (ListKind.AT_RISK, ListKind.WIN_BACK)
ALLOWED = (Exclusion.NOT_WORTH_IT.value, Exclusion.BUDGET.value)
NOTHING, RANDOM, HIGHEST = "nothing", "random", "highest risk"
SHARE, ODDS, MEASURED = "gain by save rates", "gain by odds", "gain as measured"
DECIDED = "gain as `train` decides"  # measured where that wins on held-out customers, else by save rates
SIMULATED = (NOTHING, RANDOM, HIGHEST, SHARE, ODDS, MEASURED)
GAINS = (SHARE, ODDS, MEASURED, DECIDED)


def policy_choice(policy: str, seed: int) -> Choice:
    """Return a function that keeps the first forty customers that the rules allow, in the order of the policy."""
    rng = np.random.default_rng(seed)

    def choose(frame: pl.DataFrame) -> pl.DataFrame:
        gain = pl.when(pl.col("left_out").is_null()).then("expected_gain")
        allowed = pl.col("left_out").is_null() | pl.col("left_out").is_in(ALLOWED)
        scores = {RANDOM: pl.lit(pl.Series(rng.random(frame.height))), HIGHEST: pl.col("p_churn")}
        order = pl.when(allowed).then(scores[policy]) if policy in scores else gain
        ranked = frame.with_columns(pl.when(pl.col("target") != "recovery").then(order).alias("_order")).sort(
            "_order", "customer_id", nulls_last=True, descending=[True, False]
        )
        chosen = pl.col("_order").is_not_null() & (pl.int_range(pl.len()) < CONTACTS_PER_WEEK)
        return ranked.with_columns(
            pl.when(chosen).then(None).otherwise(pl.col("left_out").fill_null("limit")).alias("left_out"),
            pl.when(chosen).then(pl.col("target")).alias("action"),
            pl.lit(CONTACT_COST).alias("action_cost"),
            pl.col("expected_gain").fill_null(0.0),
        ).drop("_order")

    return choose


def one_world(config: Path, seed: int) -> dict[str, float]:
    """Return profit and number of contacts of each policy in one world, over the weeks of lists and one more window.

    `used` is 1 where `train` would use the measured effects, which are learned from the world's own past campaigns.
    """
    settings = _comparable(load_settings(config, {}))
    champion = replace(current_champion(settings.workspace.path / "champion"), uplift={})
    shop = simulate(CUSTOMERS, HISTORY_WEEKS, seed)
    response, uplift = _response(settings, shop, champion)
    used = response.policies.is_better
    figures = {"used": float(used)}
    with tempfile.TemporaryDirectory() as name:
        for policy in SIMULATED:
            policy_settings, policy_champion = _policy_inputs(policy, settings, champion, uplift)
            company = start_company(policy_settings, policy_champion, shop, Path(name) / policy)
            _live(company, policy, seed)
            figures[policy] = _profit(company, week_start(shop.state.week))
            figures[f"contacts: {policy}"] = float(company.contacts)
    decided = MEASURED if used else SHARE
    return figures | {DECIDED: figures[decided], f"contacts: {DECIDED}": figures[f"contacts: {decided}"]}


def _comparable(settings: Settings) -> Settings:
    """Return settings without a control group and a budget, and without a contact while the last one works."""
    targeting = replace(settings.targeting, pause_days=PAUSE_DAYS, control_share=0.0, budget=None)
    return replace(settings, targeting=targeting)


def _response(settings: Settings, shop: Shop, champion: Champion) -> tuple[Response, dict[str, Uplift]]:
    """Return the response to the shop's own campaigns, and the effect model whether or not it would be used."""
    tables = Tables(**{name: frame.lazy() for name, frame in shop.tables.items()})
    known = known_before(tables, shop.as_of)
    windows = churn_windows(settings.churn, known, shop.as_of)
    query = ExperimentQuery(settings=settings, known=known, as_of=shop.as_of, windows=windows)
    experiment = experiments(query, lambda _stage, _done, _total: None)[CAMPAIGN]
    actions = [action for action in settings.targeting.actions if action.contacts_name == CAMPAIGN]
    response = measure_response(actions, experiment, champion.at_risk_from(settings.targeting.at_risk_threshold))
    return response, {CAMPAIGN: fit_effect_model(response, experiment, champion.churn)}


def _policy_inputs(policy: str, settings: Settings, champion: Champion, uplift: dict[str, Uplift]) -> tuple[Settings, Champion]:
    """Return the settings and the champion that a policy uses."""
    if policy == MEASURED:
        return settings, replace(champion, uplift=uplift)
    effect: Literal["share", "odds"] = "odds" if policy == ODDS else "share"
    actions = tuple(replace(action, effect=effect) for action in settings.targeting.actions)
    return replace(settings, targeting=replace(settings.targeting, actions=actions)), champion


def _live(company: Company, policy: str, seed: int) -> None:
    no_customers = pl.Series("customer_id", [], dtype=pl.String)
    for week in range(LIST_WEEKS + WINDOW_WEEKS):
        has_list = policy != NOTHING and week < LIST_WEEKS
        treated = issue_week(company, KINDS, policy_choice(policy, seed + week))["customer_id"] if has_list else no_customers
        live_week(company, treated)


def _profit(company: Company, since: date) -> float:
    """Return the margin of all orders from `since` on, each at its customer's mean amount, less the cost of contacts."""
    margin = company.settings.value.margin
    lines = company.tables["transactions"].filter((pl.col("ordered_at").dt.date() >= since) & (pl.col("quantity") > 0))
    orders = lines.group_by("customer_id").agg(pl.col("order_id").n_unique().alias("orders"))
    revenue = orders.join(mean_amounts(company.state), on="customer_id").select((pl.col("orders") * pl.col("amount")).sum())
    return float(margin * revenue.item() - CONTACT_COST * company.contacts)


def print_policies(config: Path, seeds: int, processes: int) -> None:
    """Print the profit gained by each policy against doing nothing and against the others, with intervals over worlds."""
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        worlds = list(pool.map(partial(one_world, config), range(FIRST_SEED, FIRST_SEED + seeds)))
    terms = f"{LIST_WEEKS} weeks, {CONTACTS_PER_WEEK} contacts a week, pause {PAUSE_DAYS} days"
    print(f"{seeds} worlds of {CUSTOMERS:,} customers, {terms}")
    baseline, used = (np.mean([world[name] for world in worlds]) for name in (NOTHING, "used"))
    print(f"profit of doing nothing: {baseline:,.0f} per world; measured effects are used in {used:.0%} of worlds")
    print("EUR per world | contacts | against doing nothing | random | highest risk | gain by save rates")
    for policy in (RANDOM, HIGHEST, *GAINS):
        contacts = np.mean([world[f"contacts: {policy}"] for world in worlds])
        references = (NOTHING, RANDOM, HIGHEST, SHARE)
        leads = " | ".join("" if policy == reference else _lead(worlds, policy, reference) for reference in references)
        print(f"{policy} | {contacts:.0f} | {leads}")


def _lead(worlds: list[dict[str, float]], policy: str, reference: str) -> str:
    """Return the mean difference in profit to a reference policy, with its 95 % interval over worlds."""
    leads = np.array([world[policy] - world[reference] for world in worlds])
    error = float(student.ppf(0.975, len(leads) - 1)) * leads.std(ddof=1) / np.sqrt(len(leads))
    return f"{leads.mean():+,.0f} [{leads.mean() - error:+,.0f}, {leads.mean() + error:+,.0f}]"
