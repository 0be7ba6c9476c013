"""`POST /score_live`: scores from the events in the request, alone or on top of the stored history."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Self

import polars as pl
from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, create_model, model_validator
from starlette.responses import Response

from features.frames.columns import CUSTOMER
from features.tables.currency import CURRENCY
from features.tables.schema import ALL_TABLES, CUSTOMERS, TRANSACTIONS, Column, Kind, Table
from models.champion import Champion
from serving.api.responses import LiveReply
from serving.api.scores import SUPPRESSED, count_ids, json_reply, score_entry, shared_fields
from serving.http.auth import get_state, require
from serving.http.errors import ApiError, error_responses
from serving.http.fields import MAX_TIME, MIN_TIME, EventTime, Id, Text
from serving.http.json_route import StrictRoute
from serving.http.metrics import store_time
from serving.http.state import ServiceState
from serving.lists.contacts import NO_CONTACTS, issued_contacts, names_in_contacts
from serving.scoring.batch import refuse_hindsight
from serving.scoring.live import LiveCustomer, day_after_newest_event, norms_of_run, score_live
from serving.store.keys import Scope
from serving.store.publish import to_store_rows
from serving.store.ranks import percentile
from serving.store.runs import Run
from serving.store.schema import ROW_COLUMNS
from settings.clock import to_shop_time, utc_now

FIELD_TYPES: dict[Kind, Any] = {Kind.TEXT: Text, Kind.TIME: EventTime, Kind.NUMBER: float, Kind.INTEGER: int, Kind.FLAG: bool}
MAX_NUMBER = 1e12
MAX_IGNORED, MAX_NAME_LENGTH = 100, 100
STATUS, P_CHURN = ROW_COLUMNS.index("status"), ROW_COLUMNS.index("p_churn")
EXAMPLE: dict[str, Any] = {
    "customers": [
        {
            "customer_id": "00042",
            "transactions": [
                {"order_id": "a1", "ordered_at": "2026-03-02T10:15:00Z", "amount": 24.9, "brand": "Ondas"},
                {"order_id": "a7", "ordered_at": "2026-05-11T08:00:00Z", "amount": 31.5, "brand": "Ondas"},
            ],
            "complaints": [{"complaint_id": "c9", "opened_at": "2026-05-20T16:40:00Z", "topic": "delivery"}],
        }
    ]
}

ROUTES = APIRouter(route_class=StrictRoute, tags=["scores"], dependencies=[require(Scope.SCORE)])


def _field(table: Table, column: Column) -> tuple[Any, Any]:
    bounds: dict[str, Any] = {}
    if column.kind in {Kind.NUMBER, Kind.INTEGER}:
        low, high = (-MAX_NUMBER if column.low is None else column.low), (MAX_NUMBER if column.high is None else column.high)
        bounds = {"ge": low, "le": high} | ({"allow_inf_nan": False} if column.kind is Kind.NUMBER else {})
    field_type = Id if column.required and column.kind is Kind.TEXT else FIELD_TYPES[column.kind]
    if column.required and not (table is CUSTOMERS and column.name == CUSTOMER):
        return Annotated[field_type, Field(**bounds)], ...
    return Annotated[field_type, Field(**bounds)] | None, None


class _Row(BaseModel):
    """A row, which keeps unknown columns so that the reply can name them."""

    model_config = ConfigDict(extra="allow")


def _row_model(table: Table) -> type[BaseModel]:
    unused = {*table.details, *([] if table is CUSTOMERS else [CUSTOMER])}
    columns = [column for column in table.columns if column.name not in unused]
    fields: dict[str, Any] = {column.name: _field(table, column) for column in columns}
    description = (
        f"A row of {table.name}, with the columns of docs/tables.md; other columns are ignored, and the reply names them."
    )
    return create_model(f"{table.name.capitalize()}Row", __doc__=description, __base__=_Row, **fields)


ROW_MODELS = {table.name: _row_model(table) for table in ALL_TABLES.values()}
TABLE_FIELDS: dict[str, Any] = {
    name: (list[row] | None, None)  # type: ignore[valid-type]  # a model created above
    for name, row in ROW_MODELS.items()
}


class _Customer(BaseModel):
    """One customer and its rows. A table that is missing counts as unknown, an empty one as known to have no rows.

    With `overlay` the rows are added to the stored history: send only newer rows, or a complaint that changed. In `customers`
    a row without customer_id is the customer's own; rows with one are customers that this customer referred.
    """

    model_config = ConfigDict(extra="forbid")

    customer_id: Id
    overlay: bool = False


Customer = create_model("LiveCustomer", __base__=_Customer, __doc__=_Customer.__doc__, **TABLE_FIELDS)


class LiveRequest(BaseModel):
    """Customers with their events; `as_of` null takes the day after the newest event, or the current run's as_of if later."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": EXAMPLE})

    as_of: Annotated[date, Field(ge=MIN_TIME.date(), lt=MAX_TIME.date())] | None = None
    customers: Annotated[list[Customer], Field(min_length=1)]

    @model_validator(mode="after")
    def _refuse_duplicates(self) -> Self:
        ids = [customer.customer_id for customer in self.customers]
        if len(set(ids)) < len(ids):
            raise ValueError("Each customer_id may appear only once in customers")
        return self


@ROUTES.post(
    "/score_live", response_model=LiveReply, responses=error_responses(409), summary="Scores from the events in the request"
)
def live(body: LiveRequest, request: Request) -> Response:
    """Score customers with the same functions as a run, from their events alone or on top of the stored history.

    With the run's `as_of` and champion, the same history gives the same score as the run, to the last digits. An event counts
    from the day after it, so an event of today gives a score as of tomorrow. Columns that no table has are named in `ignored`.
    """
    state = get_state(request)
    customers = [_live_customer(customer, state.settings.workspace.time_zone) for customer in body.customers]
    _refuse_too_many(state, customers)
    _refuse_other_currencies(customers, state.settings.value.currency)
    with store_time("score_live"):
        withheld, run, stored = state.find_customers([customer.customer_id for customer in customers])
    allowed = [customer for customer in customers if customer.customer_id not in withheld]
    champion, as_of, now = state.champion(), _resolve_as_of(state, body.as_of, run, customers), utc_now()
    refuse_hindsight(champion, as_of)
    live_run = replace(
        run,
        as_of=as_of,
        scored_at=now,
        model_version=champion.version,
        horizon_days=champion.terms.horizon_days,
        currency=state.settings.value.currency,
    )
    shared = shared_fields(live_run, stale=state.is_stale(run, now.date()))
    scored = _score_customers(state, champion, run, allowed, as_of, now, {row[0]: row for row in stored}) if allowed else {}
    allowed_ids = [customer.customer_id for customer in allowed]
    reply = shared | {
        "scores": [score_entry(shared, scored[customer_id]) for customer_id in allowed_ids if customer_id in scored],
        "unknown": [customer_id for customer_id in allowed_ids if customer_id not in scored]
        + [customer_id for customer_id, reason in withheld.items() if reason != SUPPRESSED],
        "suppressed": [customer_id for customer_id, reason in withheld.items() if reason == SUPPRESSED],
    }
    count_ids(reply)
    return json_reply(reply | {"ignored": _unknown_columns(body.customers)})


def _score_customers(
    state: ServiceState,
    champion: Champion,
    run: Run,
    customers: list[LiveCustomer],
    as_of: date,
    now: datetime,
    stored: dict[str, tuple[Any, ...]],
) -> dict[str, tuple[Any, ...]]:
    """Return, by id, a row of ROW_COLUMNS per customer known before `as_of`, with its percentile in the run."""
    norms, ranks = state.run_context(run.run_id)
    overlaid = [customer.customer_id for customer in customers if customer.overlay]
    issued = issued_contacts(state.engine, overlaid, names_in_contacts(state.settings)) if overlaid else NO_CONTACTS
    scores = score_live(state.settings, champion, customers, as_of, now, norms_of_run(champion, norms, as_of), issued)
    existing = scores.filter(status="existing").select(CUSTOMER, "p_churn").rows()
    previous = {customer_id: row[P_CHURN] for customer_id, row in stored.items() if row[STATUS] == "existing"}
    percentiles = {customer_id: percentile(p, ranks, previous.get(customer_id)) for customer_id, p in existing if len(ranks)}
    column = pl.col(CUSTOMER).replace_strict(percentiles, default=None, return_dtype=pl.Float64).alias("churn_percentile")
    return {row[0]: row for row in to_store_rows(scores.with_columns(column)).rows()}


def _live_customer(customer: Any, time_zone: str) -> LiveCustomer:  # noqa: ANN401  # a model created above
    tables = {name: getattr(customer, name) for name in ROW_MODELS}
    rows = {name: [_known_columns(row, time_zone) for row in table] for name, table in tables.items() if table is not None}
    return LiveCustomer(customer.customer_id, rows, customer.overlay)


def _known_columns(row: BaseModel, time_zone: str) -> dict[str, Any]:
    cells = {name: getattr(row, name) for name in row.model_fields_set if name in type(row).model_fields}
    return {name: _shop_time(cell, time_zone) if isinstance(cell, datetime) else cell for name, cell in cells.items()}


def _shop_time(moment: datetime, time_zone: str) -> datetime:
    return to_shop_time(moment, time_zone) if moment.tzinfo else moment


def _unknown_columns(customers: Iterable[Any]) -> list[str]:
    """Return the columns of the request that no table has, as `transactions.colour`: the first MAX_IGNORED by name."""
    tables = ((name, getattr(customer, name) or ()) for customer in customers for name in ROW_MODELS)
    names = {f"{table}.{column[:MAX_NAME_LENGTH]}" for table, rows in tables for row in rows for column in row.model_extra}
    return sorted(names)[:MAX_IGNORED]


def _refuse_too_many(state: ServiceState, customers: list[LiveCustomer]) -> None:
    serving = state.settings.serving
    rows = sum(len(table) for customer in customers for table in customer.rows.values())
    limits = ((len(customers), serving.max_live_customers, "customers"), (rows, serving.max_live_rows, "rows"))
    for count, max_count, noun in limits:
        if count > max_count:
            raise ApiError(413, f"At most {max_count:,} {noun} per call, found {count:,}.", "customers")


def _refuse_other_currencies(customers: list[LiveCustomer], currency: str) -> None:
    for number, customer in enumerate(customers):
        for position, row in enumerate(customer.rows.get(TRANSACTIONS.name, ())):
            if (row.get(CURRENCY) or currency).upper() != currency.upper():
                field = f"customers.{number}.transactions.{position}.{CURRENCY}"
                raise ApiError(422, f"Amounts must be in {currency}: send them converted.", field)


def _resolve_as_of(state: ServiceState, requested: date | None, run: Run, customers: list[LiveCustomer]) -> date:
    """Return the requested date; by default the day after the newest past event, or the run's as_of if that is later."""
    tomorrow = state.today + timedelta(days=1)
    if requested is not None and requested > tomorrow:
        raise ApiError(422, f"as_of must not be after tomorrow ({tomorrow}).", "as_of")
    return requested or max(run.as_of, min(day_after_newest_event(customers) or run.as_of, tomorrow))
