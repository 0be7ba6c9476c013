"""A simulated shop that acts on its lists week by week: real scoring, planning and issuing, in a world whose truth is known."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import sqlalchemy as sa

from features.tables.schema import Tables
from holdfast.demo.simulated.shop import Shop, start_of
from holdfast.demo.simulated.tables import customer_ids, week_tables
from holdfast.demo.simulated.world import Week, WorldState, advance
from models.champion import Champion
from serving.lists.contacts import issued_contacts, with_issued
from serving.lists.weekly import issue, list_of, plan_week
from serving.schemas.list_kind import ListKind
from serving.scoring.batch import norms_as_of, score_run
from serving.store.engine import open_store
from serving.store.publish import publish
from settings.sections import Settings

WINDOW_WEEKS = 13
REPEATS = 40
Choice = Callable[[pl.DataFrame], pl.DataFrame]
NOTHING = {"campaign_id": "none", "action": "none", "channel": "none", "propensity": 1.0, "cost": 0.0}


@dataclass
class Company:
    """A world under way: its state, everything written down since the beginning, its store, and who was contacted how often."""

    settings: Settings
    champion: Champion
    state: WorldState
    tables: dict[str, pl.DataFrame]
    store: sa.Engine
    contacts: int = 0


def begin(settings: Settings, champion: Champion, shop: Shop, folder: Path) -> Company:
    """Return a company that has lived through `shop` and has an empty store below `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    own = replace(
        settings,
        serving=replace(settings.serving, store=f"sqlite:///{folder}/scores.db", keep_weeks=60),
        workspace=replace(settings.workspace, path=folder),
    )
    own.secret_path.write_bytes(hashlib.sha256(f"{shop.state.population.seed}".encode()).digest())  # the same draws every time
    return Company(own, champion, shop.state, dict(shop.tables), open_store(own.store_url))


def known(company: Company) -> Tables:
    """Return the tables as the company has them now, its lists among the contacts."""
    frames = {name: frame.lazy() for name, frame in company.tables.items()}
    return Tables(**frames | {"contacts": with_issued(frames["contacts"], issued_contacts(company.store))})


def issue_week(company: Company, kinds: tuple[ListKind, ...], choose: Choice | None = None) -> pl.DataFrame:
    """Score, publish and issue this week's lists as `run` does; return their rows. `choose` has the last word."""
    as_of, tables, now = start_of(company.state.week), known(company), datetime.now(UTC).replace(tzinfo=None)
    norms = norms_as_of(company.champion, tables, as_of)
    run = score_run(company.settings, tables, company.champion, as_of, now, norms)
    publish(company.store, run.scores, company.champion.terms.horizon_days, norms, 60, run.targets)
    plan = plan_week(company.settings, company.store)
    plan = plan if choose is None else replace(plan, plan=replace(plan.plan, frame=choose(plan.plan.frame)))
    lists = [list_of(company.store, plan, kind) for kind in kinds]
    return pl.concat([issue(company.store, each, "benchmark", now)[1] for each in lists])


def live_week(company: Company, treated_ids: pl.Series) -> None:
    """Let a week pass in which these customers are contacted; what it adds to the tables becomes known."""
    people = company.state.population
    everybody = customer_ids(np.arange(people.size))
    treated = everybody.is_in(treated_ids.implode()).to_numpy()
    company.state, happened = advance(company.state, treated)
    rows = week_tables(people, happened, np.zeros(0, dtype=np.int64), NOTHING)
    for name, frame in rows.items():
        if name != "contacts":  # the lists in the store tell of them
            company.tables[name] = pl.concat([company.tables[name], frame], how="diagonal_relaxed")
    company.contacts += int(treated.sum())


def amounts(state: WorldState) -> pl.DataFrame:
    """Return what an order of each customer comes to on average: each world draws amounts anew, so the truth is their mean."""
    people = state.population
    everybody = np.tile(np.arange(people.size), REPEATS)
    none = np.zeros(0, dtype=np.int64)
    happened = Week(state.week, everybody, none, none, none.astype(bool), none, none, state.mood)
    rows = week_tables(people, happened, none, {})["transactions"]
    spent = rows.group_by("customer_id").agg((pl.col("amount").sum() / REPEATS).alias("amount"))
    everyone = pl.DataFrame({"customer_id": customer_ids(np.arange(people.size))})
    return everyone.join(spent, on="customer_id", how="left").with_columns(pl.col("amount").fill_null(0.0))
