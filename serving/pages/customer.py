"""The page of a customer: risk, value, next order and recommended action, with reasons, complaints, loyalty and history."""

from collections.abc import Collection
from typing import Annotated, Any

import polars as pl
from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from features.cancelled_orders import mark_cancelled, net_of_returns
from features.frames.columns import CUSTOMER
from features.frames.purchases import is_sale_line
from features.point_in_time import current_rows
from features.storage.paths import good_path
from features.tables.schema import COMPLAINTS, TRANSACTIONS, Tables
from models.errors import ChampionError
from serving.http.auth import get_client, get_state
from serving.http.declared_parameters import DeclaredRoute
from serving.http.details import add_details, visible_details
from serving.http.errors import ApiError
from serving.http.fields import Id
from serving.http.paths import UI
from serving.http.state import ServiceState
from serving.lists.evidence import run_record, run_trials
from serving.lists.holds import hold_of_customer, household_rows
from serving.lists.reasons import complaint_of_score
from serving.pages import charts
from serving.pages.render import format_day, page, svg_response
from serving.pages.session import SIGNED_IN
from serving.pages.value_words import value_sentence
from serving.schemas.details import TITLES
from serving.schemas.list_kind import ListKind
from serving.schemas.scores import SURVIVAL_DAYS, survival_column
from serving.store.audit import record_read
from serving.store.lists.of_customers import customer_list_rows
from serving.store.read import find_scores, score_history
from serving.store.runs import Run
from serving.store.withheld import Withheld
from serving.targeting.evidence import points
from serving.targeting.rules import Target
from settings.clock import utc_now

ROUTES = APIRouter(route_class=DeclaredRoute, include_in_schema=False, dependencies=[SIGNED_IN])
CustomerId = Annotated[Id, Path()]
CustomerIdQuery = Annotated[Id, Query()]
MAX_PURCHASES, MAX_COMPLAINTS, MAX_BRANDS = 200, 10, 8
COMPLAINT_COLUMNS = ("opened_at", "topic", "channel", "resolved_at", "satisfied")


@ROUTES.get(UI + "/customers/{customer_id:path}")
def customer(customer_id: CustomerId, request: Request) -> Response:
    """Show a customer's score card. The audit records who read it, with the customer's keyed hash."""
    state = get_state(request)
    withheld, run, _ = state.find_customers([customer_id])
    _record_read(request, state, customer_id)
    suppressed = withheld.get(customer_id) == Withheld.SUPPRESSED
    scores = {} if withheld else find_scores(state.engine, [customer_id])[1]
    if not scores and not suppressed:
        raise ApiError(404, "The current scores have no customer with this id.")
    score = scores.get(customer_id)
    lists, action = [] if score is None else customer_list_rows(state.engine, customer_id), _action(state, score)
    return page(
        request,
        "customer",
        customer_id=customer_id,
        run=run,
        score=score,
        suppressed=suppressed or (score or {}).get("no_score_reason") == Withheld.SUPPRESSED,
        lists=lists,
        current_hold=None if action is None else _current_hold(state, run, customer_id, lists, action["kind"]),
        complaints=[] if score is None else _complaints(state, customer_id),
        brands=None if score is None else _brand_counts(_purchases(state, customer_id)),
        unit=state.settings.loyalty.unit,
        history=[] if score is None else _history(state, customer_id),
        value=state.settings.value,
        value_sentence=_value_sentence(state, run, score),
        churners_per_100=None if score is None or score["p_churn"] is None else round(100 * score["p_churn"]),
        action=action,
        trial=None if action is None else _trial(state, run, action),
        survival=_survival(run, score),
        record=run_record(state.settings, run.model_version),
        complaint=_complaint(run, score, lists, action),
        details={} if score is None else _details(request, state, customer_id),
    )


def _details(request: Request, state: ServiceState, customer_id: str) -> dict[str, str]:
    """Return the customer's details that the client may see, by title."""
    names = visible_details(state, get_client(request))
    row = add_details(state, pl.DataFrame({CUSTOMER: [customer_id]}), names).row(0, named=True)
    return {TITLES[name]: row[name] for name in names if row[name]}


def _survival(run: Run, score: dict[str, Any] | None) -> list[tuple[int, float]]:
    """Return days and P(no order so far) of a customer, in ascending order; empty without them, as in earlier versions."""
    if score is None or any(score[survival_column(days)] is None for days in SURVIVAL_DAYS):
        return []
    curve = {days: float(score[survival_column(days)]) for days in SURVIVAL_DAYS}
    return sorted((curve | {run.horizon_days: float(score["p_churn"])}).items())


def _value_sentence(state: ServiceState, run: Run, score: dict[str, Any] | None) -> str:
    """Return the interval of a customer's value in words; empty where the score lacks a part of it."""
    if score is None or any(score[name] is None for name in ("expected_value", "value_low", "value_high", "value_if_stays")):
        return ""
    value = state.settings.value
    return value_sentence(score, value.currency, value.horizon_days, run.horizon_days)


def _complaint(run: Run, score: dict[str, Any] | None, lists: list[dict[str, Any]], action: dict[str, Any] | None) -> str | None:
    """Return the sentence that leads the customer's row on the recovery list; None for a customer who is not for recovery."""
    is_listed = any(row["kind"] == ListKind.RECOVERY and row["data_as_of"] == run.as_of for row in lists)
    is_for_recovery = is_listed or (action is not None and action["kind"] == Target.RECOVERY)
    return complaint_of_score(score) if score is not None and is_for_recovery else None


def _record_read(request: Request, state: ServiceState, customer_id: str) -> None:
    record_read(state.engine, get_client(request).name, "customer read", utc_now(), state.hash_id(customer_id), 1)


def _action(state: ServiceState, score: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the recommended action with the figures behind its expected gain; None without one.

    `value_of_staying` is value_if_stays - value_if_leaves, `averted` the reduction of p_churn that the gain implies.
    """
    action = next((action for action in state.settings.targeting.actions if score and action.name == score["action"]), None)
    if action is None or score is None:
        return None
    value_of_staying = score["value_if_stays"] - score["value_if_leaves"]
    averted = (score["expected_gain"] + score["action_cost"]) / value_of_staying if value_of_staying else 0.0
    return {
        "name": action.name,
        "channel": action.channel,
        "owner": action.owner,
        "value_of_staying": value_of_staying,
        "averted": averted,
        "kind": action.kind,
        "is_measured": action.contacts_name in _measured_actions(state),
    }


def _measured_actions(state: ServiceState) -> Collection[str]:
    """Return the actions, by their name in the contacts table, whose measured effect is used."""
    try:
        return state.champion().uplift.keys()
    except ChampionError:
        return ()


def _trial(state: ServiceState, run: Run, action: dict[str, Any]) -> dict[str, Any] | None:
    """Return what the trial of an action measured, in points; None without one."""
    trial = run_trials(state.settings, run.model_version).get(action["name"])
    if trial is None:
        return None
    low, mean, high = (points(value) for value in (trial.low, trial.mean, trial.high))
    return {"contacts": trial.contacts, "mean": mean, "low": low, "high": high}


def _current_hold(
    state: ServiceState, run: Run, customer_id: str, lists: list[dict[str, Any]], kind: str
) -> dict[str, str] | None:
    """Return what to do instead of the action while a list holds the customer out or pauses contacts, and why; else None."""
    targeting = state.settings.targeting
    others = household_rows(state.engine, run, customer_id, state.settings)
    hold = hold_of_customer(lists, Target(kind), run.as_of, targeting, others)
    if hold is None:
        return None
    until = format_day(hold.until)
    if hold.is_control:
        instruction = "Answer as usual" if kind == Target.RECOVERY else "Do not contact"
        start = "The household is held out" if hold.of_household else "Held out"
        return {"instruction": instruction, "reason": f"{start} by {hold.list_id} until {until}, as part of the control group."}
    start = "Another customer of the household was contacted" if hold.of_household else "Contacted"
    pause = f"{targeting.pause_days} days between contacts"
    return {"instruction": "Wait", "reason": f"{start} through {hold.list_id}; no further contact before {until} ({pause})."}


def _history(state: ServiceState, customer_id: str) -> list[dict[str, Any]]:
    """Return a customer's scores in the kept runs, without runs that gave none."""
    return [row for row in score_history(state.engine, customer_id) if row["p_churn"] is not None]


def _own_rows(state: ServiceState, table: str, customer_id: str) -> pl.LazyFrame | None:
    """Return a customer's rows of a table in the workspace; None if the table is not on this machine."""
    path = good_path(state.settings.workspace.path, table)
    return current_rows(pl.scan_parquet(path, glob=False)).filter(pl.col(CUSTOMER) == customer_id) if path.is_file() else None


def _complaints(state: ServiceState, customer_id: str) -> list[dict[str, Any]]:
    """Return a customer's newest complaints, with null for columns that the table lacks."""
    rows = _own_rows(state, COMPLAINTS.name, customer_id)
    if rows is None:
        return []
    names = rows.collect_schema().names()
    columns = [pl.col(name) if name in names else pl.lit(None).alias(name) for name in COMPLAINT_COLUMNS]
    return rows.sort("opened_at", descending=True).head(MAX_COMPLAINTS).select(columns).collect().to_dicts()


def _purchases(state: ServiceState, customer_id: str) -> pl.DataFrame | None:
    """Return the newest days of purchase, each with the brand (or other loyalty unit) on which most was spent.

    None if the orders are not on this machine or lack the unit.
    """
    rows, unit = _own_rows(state, TRANSACTIONS.name, customer_id), state.settings.loyalty.unit
    if rows is None or unit not in rows.collect_schema().names():
        return None
    lines = mark_cancelled(net_of_returns(Tables(rows), state.settings.purchases).transactions)
    sales = lines.filter(is_sale_line(lines.collect_schema().names())).drop_nulls(unit)
    spend = sales.group_by(pl.col("ordered_at").dt.date().alias("day"), pl.col(unit).alias("unit")).agg(pl.col("amount").sum())
    largest_first = spend.sort("day", "amount", "unit", descending=[False, True, False])
    return largest_first.unique("day", keep="first", maintain_order=True).tail(MAX_PURCHASES).collect()


def _brand_counts(purchases: pl.DataFrame | None) -> list[dict[str, Any]] | None:
    """Return the number of purchases and the last day per brand, the most frequent first; None without purchases."""
    if purchases is None or purchases.is_empty():
        return None
    counts = purchases.group_by("unit").agg(pl.len().alias("purchases"), pl.col("day").max().alias("last"))
    return counts.sort("purchases", "unit", descending=[True, False]).head(MAX_BRANDS).to_dicts()


@ROUTES.get(f"{UI}/charts/brands.svg")
def brands_chart(customer_id: CustomerIdQuery, request: Request) -> Response:
    """Draw a customer's purchases by brand."""
    state = get_state(request)
    purchases = None if state.find_customers([customer_id])[0] else _purchases(state, customer_id)
    _record_read(request, state, customer_id)
    if purchases is None or purchases.is_empty():
        raise ApiError(404, "There is no such chart.")
    frequent = purchases["unit"].value_counts(sort=True)["unit"].head(MAX_BRANDS - 1)
    shown = purchases.with_columns(pl.when(pl.col("unit").is_in(frequent.implode())).then("unit").otherwise(pl.lit("others")))
    return svg_response(charts.brands_chart(shown["day"].to_list(), shown["unit"].to_list()))


@ROUTES.get(f"{UI}/charts/survival.svg")
def survival_chart(customer_id: CustomerIdQuery, request: Request) -> Response:
    """Draw the probability that a customer has placed no order so far, over the days ahead."""
    state = get_state(request)
    withheld = state.find_customers([customer_id])[0]
    run, scores = find_scores(state.engine, [] if withheld else [customer_id])
    _record_read(request, state, customer_id)
    curve = _survival(run, scores.get(customer_id))
    if not curve:
        raise ApiError(404, "There is no such chart.")
    return svg_response(charts.survival_chart(curve, run.as_of))


@ROUTES.get(f"{UI}/charts/history.svg")
def history_chart(customer_id: CustomerIdQuery, request: Request) -> Response:
    """Draw the churn risk that past runs predicted for a customer."""
    state = get_state(request)
    history = [] if state.find_customers([customer_id])[0] else _history(state, customer_id)
    _record_read(request, state, customer_id)
    if not history:
        raise ApiError(404, "There is no such chart.")
    return svg_response(charts.history_chart([row["as_of"] for row in history], [row["p_churn"] for row in history]))
