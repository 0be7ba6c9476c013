"""One customer: how likely to leave and what that means, worth, loyalty, complaints, why, and what to do."""

from datetime import date
from typing import Annotated, Any

import polars as pl
import sqlalchemy as sa
from fastapi import APIRouter, Path, Query, Request
from starlette.responses import RedirectResponse, Response

from features.frames.columns import CUSTOMER
from features.frames.purchases import is_sale_line
from features.storage.paths import good_path
from features.tables.schema import COMPLAINTS, TRANSACTIONS
from serving.http.auth import client_in, state_in
from serving.http.errors import ApiError
from serving.http.fields import Id
from serving.http.paths import SEE_OTHER, UI
from serving.http.state import ServiceState, utc_now
from serving.pages import charts
from serving.pages.render import page, path_of, picture
from serving.pages.session import SIGNED_IN
from serving.schemas.iso_weeks import acted_on
from serving.schemas.list_kind import ListKind
from serving.store.audit import record
from serving.store.issued import counting_lists
from serving.store.read import find_scores, score_history
from serving.store.schema import LIST_ROWS, LISTS
from settings.sections import Settings, Targeting

ROUTES = APIRouter(include_in_schema=False, dependencies=[SIGNED_IN])
CustomerId = Annotated[Id, Path()]
AskedId = Annotated[Id, Query()]
MAX_PURCHASES, MAX_COMPLAINTS, MAX_BRANDS = 200, 10, 8


@ROUTES.get(f"{UI}/customers")
def search(customer_id: Annotated[str, Query(max_length=256)] = "") -> Response:
    """Lead to the page of the customer of that id."""
    wanted = customer_id.strip()
    if not wanted:
        return RedirectResponse(f"{UI}/week", SEE_OTHER)
    return RedirectResponse(path_of(wanted), SEE_OTHER)


@ROUTES.get(UI + "/customers/{customer_id:path}")
def customer(customer_id: CustomerId, request: Request) -> Response:
    """Show a customer's score card. Who looked at whom is kept in the audit, by keyed hash."""
    state = state_in(request)
    withheld, run, _ = state.find([customer_id])
    _audit(request, state, customer_id)
    suppressed = withheld.get(customer_id) == "suppressed"
    found = {} if withheld else find_scores(state.engine, [customer_id])[1]
    if not found and not suppressed:
        raise ApiError(404, "There is no customer of that id in the current scores.")
    score = found.get(customer_id)
    lists, action = [] if score is None else _lists(state, customer_id), _action(state.settings, score)
    return page(
        request,
        "customer",
        customer_id=customer_id,
        run=run,
        score=score,
        suppressed=suppressed or (score or {}).get("no_score_reason") == "suppressed",
        lists=lists,
        standing=None if run is None or action is None else _standing(lists, action["kind"], run.as_of, state.settings.targeting),
        complaints=[] if score is None else _complaints(state, customer_id),
        brands=None if score is None else _brands_told(_purchases(state, customer_id)),
        unit=state.settings.loyalty.unit,
        history=[] if score is None else _history(state, customer_id),
        value=state.settings.value,
        chance=None if score is None or score["p_churn"] is None else round(100 * score["p_churn"]),
        action=action,
    )


def _audit(request: Request, state: ServiceState, customer_id: str) -> None:
    with state.engine.begin() as connection:
        record(connection, client_in(request).name, "customer read", utc_now(), state.hash_of(customer_id), 1)


def _action(settings: Settings, score: dict[str, Any] | None) -> dict[str, Any] | None:
    """The recommended action with its reckoning."""
    named = next((each for each in settings.targeting.actions if score and each.name == score["action"]), None)
    if named is None or score is None:
        return None
    worth = score["value_at_risk"] / score["p_churn"] if score["p_churn"] else 0.0
    averted = (score["expected_gain"] + score["action_cost"]) / worth if worth else 0.0
    return {
        "name": named.name,
        "channel": named.channel,
        "owner": named.owner,
        "worth": worth,
        "averted": averted,
        "kind": named.kind,
    }


def _lists(state: ServiceState, customer_id: str) -> list[dict[str, Any]]:
    """The lists that name the customer and count as acted on, the newest first."""
    rows, counting = LIST_ROWS.c, [one.list_id for one in counting_lists(state.engine)]
    about = (LISTS.c.kind, LISTS.c.data_as_of, LISTS.c.horizon_days)
    wanted = (
        sa.select(rows.list_id, *about, rows.week, rows.rank, rows.arm, rows.action, rows.expected_gain, rows.expires_on)
        .join_from(LIST_ROWS, LISTS, LISTS.c.list_id == rows.list_id)
        .where(rows.customer_id == customer_id, rows.list_id.in_(counting))
        .order_by(rows.week.desc(), LISTS.c.number.desc())
        .limit(10)
    )
    with state.engine.connect() as connection:
        return [dict(row) for row in connection.execute(wanted).mappings()]


def _standing(lists: list[dict[str, Any]], kind: str, today: date, targeting: Targeting) -> dict[str, str] | None:
    """What lists decided about the customer that still holds: held out, or just contacted; None where nothing does."""
    for one in lists:
        days = (today - acted_on(one["week"], one["data_as_of"])).days
        if (one["kind"] == ListKind.RECOVERY) != (kind == "recovery"):
            continue
        if one["arm"] == "control" and days < (targeting.control_hold_days or one["horizon_days"]):
            why = f"Held out by {one['list_id']}: what lists earn is measured against such customers."
            return {"what": "Answer as usual" if kind == "recovery" else "Do not contact", "why": why}
        if one["arm"] == "treated" and 0 < days < targeting.pause_days:
            return {
                "what": "Wait",
                "why": f"On {one['list_id']} {days} days ago; between two contacts lie {targeting.pause_days}.",
            }
    return None


def _history(state: ServiceState, customer_id: str) -> list[dict[str, Any]]:
    return [row for row in score_history(state.engine, customer_id) if row["p_churn"] is not None]


def _own_rows(state: ServiceState, table: str, customer_id: str) -> pl.LazyFrame | None:
    """A customer's rows of a table below the workspace; None where this machine does not have it."""
    path = good_path(state.settings.workspace.path, table)
    return pl.scan_parquet(path, glob=False).filter(pl.col(CUSTOMER) == customer_id) if path.is_file() else None


def _complaints(state: ServiceState, customer_id: str) -> list[dict[str, Any]]:
    """The newest complaints."""
    rows = _own_rows(state, COMPLAINTS.name, customer_id)
    if rows is None:
        return []
    there = rows.collect_schema().names()
    told = ("opened_at", "topic", "channel", "resolved_at", "satisfied")
    columns = [pl.col(name) if name in there else pl.lit(None).alias(name) for name in told]
    return rows.sort("opened_at", descending=True).head(MAX_COMPLAINTS).select(columns).collect().to_dicts()


def _purchases(state: ServiceState, customer_id: str) -> pl.DataFrame | None:
    """Day and brand (or other unit of loyalty) with the largest spend of it, of the newest purchases; None where not told."""
    rows, unit = _own_rows(state, TRANSACTIONS.name, customer_id), state.settings.loyalty.unit
    if rows is None or unit not in rows.collect_schema().names():
        return None
    sales = rows.filter(is_sale_line(rows.collect_schema().names())).drop_nulls(unit)
    spent = sales.group_by(pl.col("ordered_at").dt.date().alias("day"), pl.col(unit).alias("unit")).agg(pl.col("amount").sum())
    first = spent.sort("day", "amount", "unit", descending=[False, True, False]).unique("day", keep="first", maintain_order=True)
    return first.tail(MAX_PURCHASES).collect()


def _brands_told(bought: pl.DataFrame | None) -> list[dict[str, Any]] | None:
    """How often each was bought, and when last."""
    if bought is None or bought.is_empty():
        return None
    counted = bought.group_by("unit").agg(pl.len().alias("purchases"), pl.col("day").max().alias("last"))
    return counted.sort("purchases", "unit", descending=[True, False]).head(MAX_BRANDS).to_dicts()


@ROUTES.get(f"{UI}/charts/brands.svg")
def brands_chart(customer_id: AskedId, request: Request) -> Response:
    """Draw a customer's purchases by brand."""
    state = state_in(request)
    bought = None if state.find([customer_id])[0] else _purchases(state, customer_id)
    _audit(request, state, customer_id)
    if bought is None or bought.is_empty():
        raise ApiError(404, "There is no such picture.")
    often = bought["unit"].value_counts(sort=True)["unit"].head(MAX_BRANDS - 1)
    shown = bought.with_columns(pl.when(pl.col("unit").is_in(often.implode())).then("unit").otherwise(pl.lit("others")))
    return picture(charts.brands(shown["day"].to_list(), shown["unit"].to_list()))


@ROUTES.get(f"{UI}/charts/history.svg")
def history_chart(customer_id: AskedId, request: Request) -> Response:
    """Draw the risk that past runs foretold of a customer."""
    state = state_in(request)
    told = [] if state.find([customer_id])[0] else _history(state, customer_id)
    _audit(request, state, customer_id)
    if not told:
        raise ApiError(404, "There is no such picture.")
    return picture(charts.score_history([row["as_of"] for row in told], [row["p_churn"] for row in told]))
