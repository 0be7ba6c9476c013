"""Past contacts with a control group as trials: what was known before each contact, and what came of it."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from features.frames.columns import CUSTOMER
from features.frames.encoded import EncodedTables, encode_tables
from features.labels import labels
from features.labels import reached as reached_by
from features.norms import compute_norms
from features.point_in_time import known_before, midnight
from features.tables.schema import Tables
from features.windows import Windows
from models.btyd.pair import SEASONAL_COLUMNS, BuyTillYouDie
from models.errors import TooLittleDataError
from models.snapshot import MIN_CUSTOMERS
from models.trees.boosting import INPUTS
from models.uplift.experiment import Experiment
from models.value.lifetime_value import value_frame, value_terms
from settings.sections import Settings
from training.data.seasonal_levels import predicted_offset
from training.data.snapshots import Progress, buyers
from training.data.training_data import part_to_learn_from

MAX_DAYS = 30
ACTION, RISK, SAVED = "action", "risk", "saved_value"
NEEDED = ("treated", "action")
SURE = 0.01  # a propensity nearer to 0 or 1 than that tells nothing


@dataclass(frozen=True)
class ExperimentQuery:
    """What trials are gathered from: everything known before `as_of`, and the windows that count."""

    settings: Settings
    known: Tables
    as_of: date
    windows: Windows


def experiments(asked: ExperimentQuery, progress: Progress) -> dict[str, Experiment]:
    """Return a trial per action of the contacts table, from campaigns in which some were treated and some held out.

    A contact counts once its window is closed and known before `as_of`; of many days, the newest thirty. Features are as of the
    day of the contact, so nothing that came after it is among them. Its risk is what the order model says of no purchase
    in the window. The frame of a trial has INPUTS and LEVELS, which churn models ask for, SAVED (what a customer who stays is
    worth more), status and contacts_in_window.
    """
    rows = _randomised(asked)
    days = sorted(rows["day"].unique())[-MAX_DAYS:] if rows.height else []
    if not days:
        return {}
    encoded = encode_tables(asked.known, part_to_learn_from(asked.known.transactions))
    parts = []
    for done, day in enumerate(days):
        progress("features of past contacts", done, len(days))
        parts += _of_day(asked, encoded, day, rows.filter(day=day))
    progress("features of past contacts", len(days), len(days))
    whole = pl.concat(parts) if parts else pl.DataFrame(schema={ACTION: pl.String})
    return {str(action): _trial(asked, part) for (action,), part in whole.group_by(ACTION, maintain_order=True)}


def _randomised(asked: ExperimentQuery) -> pl.DataFrame:
    """Contacts of campaigns with both arms whose window is closed: customer, day, action, treated, propensity.

    Both arms count from the campaign's first day on, whenever somebody was reached. A row without an action has its campaign's.
    """
    contacts, empty = asked.known.contacts, pl.DataFrame(schema={CUSTOMER: pl.String, "day": pl.Date})
    if contacts is None or not set(NEEDED) <= set(contacts.collect_schema().names()):
        return empty
    given = ["propensity"] if "propensity" in contacts.collect_schema() else []
    share = pl.col("treated").cast(pl.Float64).mean().over("campaign_id", ACTION)
    told = (
        contacts.drop_nulls("treated")
        .with_columns(pl.col(ACTION).fill_null(pl.col(ACTION).drop_nulls().first().over("campaign_id")))
        .drop_nulls(ACTION)
        .select(
            CUSTOMER,
            pl.col("contacted_at").min().over("campaign_id", ACTION).dt.date().alias("day"),
            ACTION,
            "treated",
            pl.coalesce(*given, share).alias("propensity"),
            share.alias("share"),
        )
    )
    closed = pl.col("day") + pl.duration(days=asked.windows.horizon_days) <= asked.as_of
    both = pl.col("share").is_between(0, 1, closed="none") & pl.col("propensity").is_between(SURE, 1 - SURE)
    return told.filter(closed & both).drop("share").unique([CUSTOMER, "day", ACTION], keep="first", maintain_order=True).collect()


def _of_day(asked: ExperimentQuery, encoded: EncodedTables, day: date, rows: pl.DataFrame) -> list[pl.DataFrame]:
    """The contacted buyers of a day with features and outcomes; nothing of a day on which too little was known."""
    settings, horizon = asked.settings, asked.windows.horizon_days
    usual = compute_norms(encoded.tables, day, known_before(asked.known, day))
    features = buyers(encoded, day, asked.windows.active_days, settings.loyalty, usual)
    if features.height < MIN_CUSTOMERS:
        return []
    try:
        btyd = BuyTillYouDie.fit(features).expecting(predicted_offset(encoded, day, horizon))
    except TooLittleDataError:
        return []
    seen = btyd.with_columns(features, horizon).join(rows.drop("day"), on=CUSTOMER, maintain_order="left")
    if seen.is_empty():
        return []
    risk = seen["btyd_p_no_order"]
    worth = value_frame(btyd, seen, risk, value_terms(settings.value, horizon), 1.0)
    saved = (worth["value_if_stays"] - worth["value_if_leaves"]).alias(SAVED)
    kept = seen.select(CUSTOMER, ACTION, "treated", "propensity", "status", *INPUTS, *SEASONAL_COLUMNS)
    told = kept.with_columns(risk.alias(RISK), saved)
    found = labels(asked.known.transactions, day, horizon).collect(engine="streaming")
    answered = told.join(found, on=CUSTOMER, how="left", maintain_order="left")
    reached = answered.join(
        _contacts_in(asked, day, rows[ACTION].unique().to_list()), on=[CUSTOMER, ACTION], how="left", maintain_order="left"
    )
    return [reached.with_columns(pl.col("next_orders", "contacts_in_window").fill_null(0), pl.col("next_spend").fill_null(0.0))]


def _contacts_in(asked: ExperimentQuery, day: date, actions: list[str]) -> pl.DataFrame:
    """How often each customer was reached by these actions in the window that begins on a day."""
    start, end = midnight(day), midnight(day + timedelta(days=asked.windows.horizon_days))
    assert asked.known.contacts is not None  # noqa: S101  # for the type checker: there are trials
    made = reached_by(asked.known.contacts).filter(
        pl.col("contacted_at").is_between(start, end, closed="left"), pl.col(ACTION).is_in(actions)
    )
    return made.group_by(CUSTOMER, ACTION).agg(pl.len().cast(pl.Int64).alias("contacts_in_window")).collect(engine="streaming")


def _trial(asked: ExperimentQuery, rows: pl.DataFrame) -> Experiment:
    unit = rows[CUSTOMER].rank("dense").cast(pl.Int64).to_numpy()
    stayed = (rows["next_orders"] > 0).cast(pl.Float64).to_numpy()
    money = asked.settings.value.margin * rows["next_spend"].to_numpy()
    propensity = rows["propensity"].cast(pl.Float64).to_numpy()
    return Experiment(
        rows.select(SAVED, "status", "contacts_in_window", *INPUTS, *SEASONAL_COLUMNS),
        unit,
        np.array(rows["treated"]),
        propensity,
        rows[RISK].cast(pl.Float64).to_numpy(),
        stayed,
        money,
    )
