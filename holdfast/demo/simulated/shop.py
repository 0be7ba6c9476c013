"""Run the simulated shop for a number of weeks, and write its tables and the truth behind them."""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from holdfast.demo.simulated.population import LOYALTY_TYPES, RESPONSES
from holdfast.demo.simulated.tables import START, customer_ids, customers_table, week_tables
from holdfast.demo.simulated.world import WorldState, advance, new_world, true_p_churn

CAMPAIGN_EVERY_WEEKS = 4
CAMPAIGN_SHARE = 0.10
CONTROL_SHARE = 0.5
CONTACT_COST = 0.5
DATE_COLUMNS = {"transactions": "ordered_at", "complaints": "opened_at", "surveys": "answered_at", "contacts": "contacted_at"}
OUTCOME_COLUMNS = {
    "complaints": ("resolved_at", ["resolved_at", "contacts_to_resolve", "satisfied"]),
    "contacts": ("responded_at", ["responded_at"]),
}


@dataclass(frozen=True)
class Shop:
    """The tables after the last week, and the final state of the world."""

    tables: dict[str, pl.DataFrame]
    state: WorldState

    @property
    def as_of(self) -> date:
        """The Monday after the last simulated week."""
        return week_start(self.state.week)


def week_start(week: int) -> date:
    """Return the Monday on which a week starts."""
    return (START + timedelta(weeks=week)).date()


def simulate(customers: int, weeks: int, seed: int) -> Shop:
    """Simulate `weeks` weeks, with a randomised e-mail campaign every fourth week."""
    state = new_world(customers, weeks, seed)
    rows: dict[str, list[pl.DataFrame]] = {name: [] for name in DATE_COLUMNS}
    for week in range(weeks):
        treated, held_out = _draw_campaign(state, week)
        people = state.population
        state, events = advance(state, treated)
        contact = {
            "campaign_id": f"W{week:03d}",
            "action": "newsletter",
            "channel": "email",
            "propensity": 1 - CONTROL_SHARE,
            "cost": CONTACT_COST,
        }
        for name, frame in week_tables(people, events, np.flatnonzero(held_out), contact).items():
            rows[name].append(frame)
    tables = {name: _known_by_end(name, pl.concat(frames), weeks) for name, frames in rows.items()}
    return Shop(tables | {"customers": customers_table(state.population, weeks)}, state)


def build_truth(state: WorldState, horizon_weeks: int) -> pl.DataFrame:
    """Return the true parameters, state and p_churn of every customer who has ordered."""
    people = state.population
    frame = pl.DataFrame(
        {
            "customer_id": customer_ids(np.arange(people.size)),
            "rate_per_week": people.order_rate,
            "dropout_per_week": people.dropout_rate,
            "rhythm": people.weibull_shape,
            "loyalty_type": np.array(LOYALTY_TYPES)[people.loyalty_type],
            "response_to_contact": np.array(RESPONSES)[people.contact_response],
            "alive": state.alive,
            "belief_alive": state.p_alive,
            "mood": state.dissatisfaction,
            "true_p_churn": true_p_churn(state, horizon_weeks),
        }
    )
    return frame.filter(pl.col("true_p_churn").is_not_nan())


def write_shop(shop: Shop, folder: Path, horizon_weeks: int) -> None:
    """Write the tables to `folder/data` and the truth to `folder/simulated_truth.parquet`."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    for name, frame in shop.tables.items():
        frame.write_parquet(folder / "data" / f"{name}.parquet")
    build_truth(shop.state, horizon_weeks).write_parquet(folder / "simulated_truth.parquet")


def _draw_campaign(state: WorldState, week: int) -> tuple[np.ndarray, np.ndarray]:
    """Select a tenth of the buyers at random; return who is contacted and who is held out, half each."""
    rng = np.random.default_rng([state.population.seed, 4, week])
    selection_draw, arm_draw = rng.random((2, state.population.size))
    selected = (selection_draw < CAMPAIGN_SHARE) & (state.orders > 0) & (week % CAMPAIGN_EVERY_WEEKS == 0)
    return selected & (arm_draw >= CONTROL_SHARE), selected & (arm_draw < CONTROL_SHARE)


def _known_by_end(name: str, frame: pl.DataFrame, weeks: int) -> pl.DataFrame:
    """Drop rows dated after the last week, and null outcomes that are not known by then."""
    end = pl.lit(START + timedelta(weeks=weeks)).cast(pl.Datetime("us"))
    known = frame.filter(pl.col(DATE_COLUMNS[name]) < end).sort(DATE_COLUMNS[name], maintain_order=True)
    if name not in OUTCOME_COLUMNS:
        return known
    known_from, columns = OUTCOME_COLUMNS[name]
    return known.with_columns(pl.when(pl.col(known_from) < end).then(pl.col(column)).alias(column) for column in columns)
