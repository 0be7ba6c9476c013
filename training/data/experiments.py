"""Past contacts with a control group as experiments: what was known before each contact, and what followed it."""

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import chain

import numpy as np
import polars as pl

from features.frames.arrays import Array, BoolArray
from features.frames.columns import CUSTOMER, DAY
from features.frames.encoded import EncodedTables, encode_tables
from features.frames.purchases import customer_days, occasions
from features.labels import labels, made_contacts
from features.norms import compute_norms
from features.point_in_time import known_before, midnight
from features.tables.schema import RECORDED, Tables
from features.windows import Windows
from models.btyd.pair import SEASONAL_COLUMNS, BuyTillYouDie
from models.errors import TooLittleDataError
from models.snapshot import MIN_CUSTOMERS
from models.trees.boosting import INPUTS
from models.uplift.experiment import Experiment, refuse_small
from models.value.lifetime_value import value_frame, value_terms
from settings.sections import Settings
from training.data.progress import Progress, map_with_progress
from training.data.seasonal_levels import predicted_offset
from training.data.snapshots import buyer_features
from training.data.training_data import training_part

MAX_DAYS = 30
ACTION, RISK, SAVED = "action", "risk", "saved_value"
REQUIRED_COLUMNS = ("treated", "action")
MIN_PROPENSITY = 0.01  # rows nearer to 0 or 1 carry no information and would get huge weights


@dataclass(frozen=True)
class ExperimentQuery:
    """The data to build experiments from: everything known before `as_of`, and the churn windows."""

    settings: Settings
    known: Tables
    as_of: date
    windows: Windows


def experiments(query: ExperimentQuery, progress: Progress) -> dict[str, Experiment | TooLittleDataError]:
    """Return an experiment per action of the contacts table, from campaigns with treated and held-out customers.

    For an action with too few contacts of buyers, the value is what is missing: no features are computed for it.

    A contact counts once its window is closed and known before `as_of`; only the newest thirty days with contacts are used.
    Features are as of the day of the contact. The risk is the order model's probability of no purchase in the window. The frame
    of an experiment has INPUTS and SEASONAL_COLUMNS, which churn models need, SAVED (how much more a customer is worth who
    stays), status and contacts_in_window.
    """
    every_contact = _randomised_contacts(query)
    newest = every_contact.filter(pl.col("day").is_in(every_contact["day"].unique().top_k(MAX_DAYS).implode()))
    small = _small_experiments(query, newest) if newest.height else {}
    contacts = newest.filter(~pl.col(ACTION).is_in(list(small))) if newest.height else newest
    if contacts.is_empty():
        return dict(small)
    days = contacts["day"].unique().sort().to_list()
    encoded = encode_tables(query.known, training_part(query.known.transactions))

    def build(day: date) -> list[pl.DataFrame]:
        return _day_rows(query, encoded, day, contacts.filter(day=day))

    parts = list(chain.from_iterable(map_with_progress(build, days, progress, "features of past contacts")))
    rows = pl.concat(parts) if parts else pl.DataFrame(schema={ACTION: pl.String})
    built = {str(action): _experiment(query, part) for (action,), part in rows.group_by(ACTION, maintain_order=True)}
    return small | {action: _refusal(experiment.treated, experiment.stayed) or experiment for action, experiment in built.items()}


def _small_experiments(query: ExperimentQuery, contacts: pl.DataFrame) -> dict[str, TooLittleDataError]:
    """Return what is missing for the actions whose contacts are too few, of customers with a purchase before."""
    purchases = occasions(customer_days(query.known.transactions))
    first = purchases.group_by(CUSTOMER).agg(pl.col(DAY).min().alias("first"))
    buyers = contacts.lazy().join(first, on=CUSTOMER).filter(pl.col("first") < pl.col("day")).drop("first")
    end = pl.col("day") + pl.duration(days=query.windows.horizon_days)
    in_window = buyers.join(purchases.select(CUSTOMER, pl.col(DAY).alias("next")), on=CUSTOMER).filter(
        pl.col("next").is_between(pl.col("day"), end, closed="left")
    )
    keys = [CUSTOMER, "day", ACTION]
    stayed = in_window.select(keys).unique().with_columns(pl.lit(1.0).alias("stayed"))
    rows = buyers.join(stayed, on=keys, how="left").select(ACTION, "treated", pl.col("stayed").fill_null(0.0)).collect()
    counted = {name: rows.filter(pl.col(ACTION) == name) for name in contacts[ACTION].unique().sort()}
    refusals = {name: _refusal(np.array(part["treated"]), part["stayed"].to_numpy()) for name, part in counted.items()}
    return {name: refusal for name, refusal in refusals.items() if refusal is not None}


def _refusal(treated: BoolArray, stayed: Array) -> TooLittleDataError | None:
    try:
        refuse_small(treated, stayed)
    except TooLittleDataError as error:
        return error
    return None


def _randomised_contacts(query: ExperimentQuery) -> pl.DataFrame:
    """Return customer, day, action, treated and propensity of campaigns with both arms and a closed window.

    Both arms start on the campaign's first day, whatever the date of the single contact. A row without an action gets that of
    its campaign. Customers who were merged later are left out: on that day they had another id.
    """
    contacts, empty = query.known.contacts, pl.DataFrame(schema={CUSTOMER: pl.String, "day": pl.Date})
    if contacts is None or not set(REQUIRED_COLUMNS) <= set(contacts.collect_schema().names()):
        return empty
    if RECORDED in contacts.collect_schema():
        contacts = contacts.filter(pl.col(RECORDED) == pl.col(CUSTOMER))
    recorded = ["propensity"] if "propensity" in contacts.collect_schema() else []
    share = pl.col("treated").cast(pl.Float64).mean().over("campaign_id", ACTION)
    arms = (
        contacts.drop_nulls("treated")
        .with_columns(pl.col(ACTION).fill_null(pl.col(ACTION).drop_nulls().first().over("campaign_id")))
        .drop_nulls(ACTION)
        .select(
            CUSTOMER,
            pl.col("contacted_at").min().over("campaign_id", ACTION).dt.date().alias("day"),
            ACTION,
            "treated",
            pl.coalesce(*recorded, share).alias("propensity"),
            share.alias("share"),
        )
    )
    is_closed = pl.col("day") + pl.duration(days=query.windows.horizon_days) <= query.as_of
    has_both_arms = pl.col("share").is_between(0, 1, closed="none")
    is_random = pl.col("propensity").is_between(MIN_PROPENSITY, 1 - MIN_PROPENSITY)
    usable = arms.filter(is_closed & has_both_arms & is_random).drop("share")
    return usable.unique([CUSTOMER, "day", ACTION], keep="first", maintain_order=True).collect()


def _day_rows(query: ExperimentQuery, encoded: EncodedTables, day: date, contacts: pl.DataFrame) -> list[pl.DataFrame]:
    """Return the contacted buyers of a day with features and outcomes; an empty list where too little was known that day."""
    settings, horizon_days = query.settings, query.windows.horizon_days
    norms = compute_norms(encoded.tables, day, known_before(query.known, day))
    features = buyer_features(encoded, day, query.windows.active_days, settings.loyalty, norms)
    if features.height < MIN_CUSTOMERS:
        return []
    try:
        btyd = BuyTillYouDie.fit(features).with_offset(predicted_offset(encoded, day, horizon_days))
    except TooLittleDataError:
        return []
    contacted = btyd.with_columns(features, horizon_days).join(contacts.drop("day"), on=CUSTOMER, maintain_order="left")
    if contacted.is_empty():
        return []
    risk = contacted["btyd_p_no_order"]
    value = value_frame(btyd, contacted, risk, value_terms(settings.value, horizon_days))
    saved = (value["value_if_stays"] - value["value_if_leaves"]).alias(SAVED)
    inputs = contacted.select(CUSTOMER, ACTION, "treated", "propensity", "status", *INPUTS, *SEASONAL_COLUMNS)
    return [_with_outcomes(query, day, inputs.with_columns(risk.alias(RISK), saved))]


def _with_outcomes(query: ExperimentQuery, day: date, rows: pl.DataFrame) -> pl.DataFrame:
    """Add next_orders, next_spend and contacts_in_window; 0 where there were none."""
    outcomes = labels(query.known.transactions, day, query.windows.horizon_days).collect(engine="streaming")
    contacts = _window_contacts(query, day, rows[ACTION].unique().to_list())
    return (
        rows.join(outcomes, on=CUSTOMER, how="left", maintain_order="left")
        .join(contacts, on=[CUSTOMER, ACTION], how="left", maintain_order="left")
        .with_columns(pl.col("next_orders", "contacts_in_window").fill_null(0), pl.col("next_spend").fill_null(0.0))
    )


def _window_contacts(query: ExperimentQuery, day: date, actions: list[str]) -> pl.DataFrame:
    """Return how often each customer was reached by each of these actions in the window that begins on `day`."""
    start, end = midnight(day), midnight(day + timedelta(days=query.windows.horizon_days))
    assert query.known.contacts is not None  # noqa: S101  # for the type checker: there are experiments
    contacts = made_contacts(query.known.contacts).filter(
        pl.col("contacted_at").is_between(start, end, closed="left"), pl.col(ACTION).is_in(actions)
    )
    return (
        contacts.group_by(CUSTOMER, ACTION).agg(pl.len().cast(pl.Int64).alias("contacts_in_window")).collect(engine="streaming")
    )


def _experiment(query: ExperimentQuery, rows: pl.DataFrame) -> Experiment:
    return Experiment(
        frame=rows.select(SAVED, "status", "contacts_in_window", *INPUTS, *SEASONAL_COLUMNS),
        unit=rows[CUSTOMER].rank("dense").cast(pl.Int64).to_numpy(),
        treated=np.array(rows["treated"]),
        propensity=rows["propensity"].cast(pl.Float64).to_numpy(),
        risk=rows[RISK].cast(pl.Float64).to_numpy(),
        stayed=(rows["next_orders"] > 0).cast(pl.Float64).to_numpy(),
        margin=query.settings.value.margin * rows["next_spend"].to_numpy(),
    )
