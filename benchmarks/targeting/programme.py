"""A simulated shop that acts on its lists week by week: real scoring, planning and issuing, in a world with a known truth."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
import sqlalchemy as sa

from features.tables.schema import Tables
from holdfast.demo.simulated.shop import Shop, week_start
from holdfast.demo.simulated.tables import customer_ids, week_tables
from holdfast.demo.simulated.world import WeekEvents, WorldState, advance
from models.champion import Champion
from serving.lists.contacts import issued_contacts, merge_issued_contacts
from serving.lists.issuing import issue
from serving.lists.weekly import build_list, plan_week
from serving.schemas.list_kind import ListKind
from serving.scoring.batch import norms_as_of, score_run
from serving.store.engine import open_store
from serving.store.publish import publish
from settings.clock import utc_now
from settings.sections import Settings

WINDOW_WEEKS = 13
KEEP_WEEKS = 60
REPEATS = 40
Choice = Callable[[pl.DataFrame], pl.DataFrame]
NO_CAMPAIGN = {"campaign_id": "none", "action": "none", "channel": "none", "propensity": 1.0, "cost": 0.0}


@dataclass
class Company:
    """A running world: its state, all tables since its start, its store, and the number of contacts made."""

    settings: Settings
    champion: Champion
    state: WorldState
    tables: dict[str, pl.DataFrame]
    store: sa.Engine
    contacts: int = 0


def start_company(settings: Settings, champion: Champion, shop: Shop, folder: Path) -> Company:
    """Return a company with the history of `shop` and an empty store in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    own_settings = replace(
        settings,
        serving=replace(settings.serving, store=f"sqlite:///{folder}/scores.db", keep_weeks=KEEP_WEEKS),
        workspace=replace(settings.workspace, path=folder),
    )
    secret = hashlib.sha256(f"{shop.state.population.seed}".encode()).digest()
    own_settings.secret_path.write_bytes(secret)  # the same control groups every time
    return Company(
        settings=own_settings,
        champion=champion,
        state=shop.state,
        tables=dict(shop.tables),
        store=open_store(own_settings.store_url),
    )


def current_tables(company: Company) -> Tables:
    """Return the tables as the company has them now, with its lists among the contacts."""
    frames = {name: frame.lazy() for name, frame in company.tables.items()}
    return Tables(**frames | {"contacts": merge_issued_contacts(frames["contacts"], issued_contacts(company.store))})


def issue_week(company: Company, kinds: tuple[ListKind, ...], choose: Choice | None = None) -> pl.DataFrame:
    """Score, publish and issue this week's lists as `run` does; return their rows. `choose` may change the plan."""
    as_of, tables, now = week_start(company.state.week), current_tables(company), utc_now()
    norms = norms_as_of(company.champion, tables, as_of)
    run = score_run(company.settings, tables, company.champion, as_of, now, norms)
    publish(company.store, run.scores, company.champion.terms.horizon_days, norms, KEEP_WEEKS, run.targets)
    plan = plan_week(company.settings, company.store)
    plan = plan if choose is None else replace(plan, plan=replace(plan.plan, frame=choose(plan.plan.frame)))
    lists = [build_list(company.store, plan, kind) for kind in kinds]
    return pl.concat([issue(company.settings, company.store, weekly, "benchmark", now).rows for weekly in lists])


def live_week(company: Company, treated_ids: pl.Series) -> None:
    """Advance the world by a week in which these customers are contacted, and add its rows to the tables."""
    population = company.state.population
    treated = customer_ids(np.arange(population.size)).is_in(treated_ids.implode()).to_numpy()
    company.state, events = advance(company.state, treated)
    rows = week_tables(population, events, np.zeros(0, dtype=np.int64), NO_CAMPAIGN)
    for name, frame in rows.items():
        if name != "contacts":  # these come from the lists in the store
            company.tables[name] = pl.concat([company.tables[name], frame], how="diagonal_relaxed")
    company.contacts += int(treated.sum())


def mean_amounts(state: WorldState) -> pl.DataFrame:
    """Return the mean amount of an order of each customer, over forty simulated orders.

    Each world draws the amounts of its orders again; the true effect on profit uses their mean.
    """
    population, empty = state.population, np.zeros(0, dtype=np.int64)
    events = WeekEvents(
        week=state.week,
        ordered=np.tile(np.arange(population.size), REPEATS),
        opened=empty,
        weeks_to_settle=empty,
        settles_well=empty.astype(bool),
        settled=empty,
        contacted=empty,
        dissatisfaction=state.dissatisfaction,
    )
    lines = week_tables(population, events, empty, {})["transactions"]
    amounts = lines.group_by("customer_id").agg((pl.col("amount").sum() / REPEATS).alias("amount"))
    customers = pl.DataFrame({"customer_id": customer_ids(np.arange(population.size))})
    return customers.join(amounts, on="customer_id", how="left").with_columns(pl.col("amount").fill_null(0.0))
