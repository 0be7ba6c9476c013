"""Run the simulated shop for some years and write its tables, and the truth beside them."""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from holdfast.demo.simulated.population import LOYALTY_TYPES, RESPONSES
from holdfast.demo.simulated.tables import START, customer_ids, customers_table, week_tables
from holdfast.demo.simulated.world import WorldState, advance, new_world, true_p_churn

CAMPAIGN_EVERY = 4
CAMPAIGN_SHARE = 0.10
HELD_OUT = 0.5
CONTACT_COST = 0.5
DATED = {"transactions": "ordered_at", "complaints": "opened_at", "surveys": "answered_at", "contacts": "contacted_at"}
LATER = {
    "complaints": ("resolved_at", ["resolved_at", "contacts_to_resolve", "satisfied"]),
    "contacts": ("responded_at", ["responded_at"]),
}


@dataclass(frozen=True)
class Shop:
    """The tables as they stand after the last week, and the world itself."""

    tables: dict[str, pl.DataFrame]
    state: WorldState

    @property
    def as_of(self) -> date:
        """The Monday after the last simulated week."""
        return start_of(self.state.week)


def start_of(week: int) -> date:
    """Return the Monday that a week starts on."""
    return (START + timedelta(weeks=week)).date()


def simulate(customers: int, weeks: int, seed: int) -> Shop:
    """Run the world for `weeks` weeks with a randomised e-mail campaign every fourth week."""
    state = new_world(customers, weeks, seed)
    rows: dict[str, list[pl.DataFrame]] = {name: [] for name in DATED}
    for week in range(weeks):
        treated, held_out = _campaign(state, week)
        people = state.population
        state, happened = advance(state, treated)
        contact = {
            "campaign_id": f"W{week:03d}",
            "action": "newsletter",
            "channel": "email",
            "propensity": 1 - HELD_OUT,
            "cost": CONTACT_COST,
        }
        for name, frame in week_tables(people, happened, np.flatnonzero(held_out), contact).items():
            rows[name].append(frame)
    tables = {name: _as_known(name, pl.concat(frames), weeks) for name, frames in rows.items()}
    return Shop(tables | {"customers": customers_table(state.population, weeks)}, state)


def truth(state: WorldState, horizon_weeks: int) -> pl.DataFrame:
    """Return the truth behind every customer who has ordered: rates, types, and the true p_churn."""
    people = state.population
    frame = pl.DataFrame(
        {
            "customer_id": customer_ids(np.arange(people.size)),
            "rate_per_week": people.rate,
            "dropout_per_week": people.dropout,
            "rhythm": people.rhythm,
            "loyalty_type": np.array(LOYALTY_TYPES)[people.loyalty],
            "response_to_contact": np.array(RESPONSES)[people.response],
            "alive": state.alive,
            "belief_alive": state.belief,
            "mood": state.mood,
            "true_p_churn": true_p_churn(state, horizon_weeks),
        }
    )
    return frame.filter(pl.col("true_p_churn").is_not_nan())


def write_shop(shop: Shop, folder: Path, horizon_weeks: int) -> None:
    """Write the tables to `folder/data` and the truth to `folder/simulated_truth.parquet`."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    for name, frame in shop.tables.items():
        frame.write_parquet(folder / "data" / f"{name}.parquet")
    truth(shop.state, horizon_weeks).write_parquet(folder / "simulated_truth.parquet")


def _campaign(state: WorldState, week: int) -> tuple[np.ndarray, np.ndarray]:
    """Choose a tenth of the buyers at random; half of them are contacted, half held out."""
    rng = np.random.default_rng([state.population.seed, 4, week])
    luck, coin = rng.random((2, state.population.size))
    chosen = (luck < CAMPAIGN_SHARE) & (state.orders > 0) & (week % CAMPAIGN_EVERY == 0)
    return chosen & (coin >= HELD_OUT), chosen & (coin < HELD_OUT)


def _as_known(name: str, frame: pl.DataFrame, weeks: int) -> pl.DataFrame:
    """Leave out what has not happened yet by the end of the last week."""
    end = pl.lit(START + timedelta(weeks=weeks)).cast(pl.Datetime("us"))
    happened = frame.filter(pl.col(DATED[name]) < end).sort(DATED[name], maintain_order=True)
    if name not in LATER:
        return happened
    dated_by, columns = LATER[name]
    return happened.with_columns(pl.when(pl.col(dated_by) < end).then(pl.col(column)).alias(column) for column in columns)
