"""A simulated shop that acts on its lists week by week: real scoring, planning and issuing, in a world whose truth is known."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import sqlalchemy as sa

from features.tables.schema import Tables
from holdfast.demo.simulated.shop import CONTACT_COST, Shop, simulate, start_of
from holdfast.demo.simulated.tables import customer_ids, week_tables
from holdfast.demo.simulated.world import State, advance
from models.champion import Champion
from serving.issued_contacts import issued_contacts, with_issued
from serving.list_kind import ListKind
from serving.lists import issue, list_of, plan_week
from serving.scoring import score_run, usual_as_of
from serving.store.engine import open_store
from serving.store.publish import publish
from settings.sections import Settings

WINDOW_WEEKS = 13
Policy = Callable[[pl.DataFrame, pl.DataFrame, int], pl.DataFrame]
NOTHING = {"campaign_id": "none", "action": "none", "channel": "none", "propensity": 1.0, "cost": 0.0}


@dataclass
class Company:
    """A world under way: its state, everything written down since the beginning, its store, and who was contacted how often."""

    settings: Settings
    champion: Champion
    state: State
    tables: dict[str, pl.DataFrame]
    store: sa.Engine
    contacts: int = 0
    spend: np.ndarray = field(default_factory=lambda: np.zeros(0))


def begin(settings: Settings, champion: Champion, shop: Shop, folder: Path) -> Company:
    """Return a company that has lived through `shop` and has an empty store below `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    own = replace(
        settings,
        serving=replace(settings.serving, store=f"sqlite:///{folder}/scores.db", keep_weeks=60),
        workspace=replace(settings.workspace, path=folder),
    )
    spend = np.zeros(shop.state.population.size)
    return Company(own, champion, shop.state, dict(shop.tables), open_store(own.store_url), spend=spend)


def history(customers: int, weeks: int, seed: int) -> Shop:
    """Return a shop of some years, with its campaigns at random."""
    return simulate(customers, weeks, seed)


def known(company: Company) -> Tables:
    """Return the tables as the company has them now, its lists among the contacts."""
    frames = {name: frame.lazy() for name, frame in company.tables.items()}
    return Tables(**frames | {"contacts": with_issued(frames["contacts"], issued_contacts(company.store))})


def issue_week(company: Company, kinds: tuple[ListKind, ...]) -> pl.DataFrame:
    """Score, publish and issue this week's lists as `run` does; return their rows."""
    as_of, tables, now = start_of(company.state.week), known(company), datetime.now(UTC).replace(tzinfo=None)
    usual = usual_as_of(company.champion, tables, as_of)
    run = score_run(company.settings, tables, company.champion, as_of, now, usual)
    publish(company.store, run.scores, company.champion.terms.horizon_days, usual, 60, run.targets)
    plan = plan_week(company.settings, company.store)
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


def spent_since(company: Company, week: int, until: int) -> pl.DataFrame:
    """Return each customer's orders and net spend from the Monday of one week to that of another."""
    first, last = (pl.lit(datetime.combine(start_of(each), datetime.min.time())) for each in (week, until))
    rows = company.tables["transactions"].filter(pl.col("ordered_at").is_between(first, last, closed="left"))
    return rows.group_by("customer_id").agg(pl.col("amount").sum().alias("spend"))


COST = CONTACT_COST
