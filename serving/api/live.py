"""`POST /score_live`: scores from the events in the request, or from stored history and these on top."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Self

import polars as pl
from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, create_model, model_validator
from starlette.responses import Response

from features.frames.columns import CUSTOMER
from features.tables.schema import ALL_TABLES, CUSTOMERS, Column, Kind, Table
from models.champion import Champion
from serving.api.responses import ScoreReply
from serving.api.scores import SUPPRESSED, about, count, full_score, json_reply
from serving.http.auth import require, state_in
from serving.http.errors import ApiError, described
from serving.http.fields import EARLIEST, LATEST, Id, Moment, Text
from serving.http.json_route import StrictRoute
from serving.http.metrics import store_time
from serving.http.state import ServiceState, utc_now
from serving.lists.contacts import NO_CONTACTS, issued_contacts, names_in_contacts
from serving.scoring.batch import refuse_hindsight
from serving.scoring.live import LiveCustomer, newest_day, norms_of_run, score_live
from serving.store.keys import Scope
from serving.store.publish import flat
from serving.store.ranks import percentile
from serving.store.runs import Run
from serving.store.schema import ROW_COLUMNS

KINDS: dict[Kind, Any] = {Kind.TEXT: Text, Kind.TIME: Moment, Kind.NUMBER: float, Kind.INTEGER: int, Kind.FLAG: bool}
FARTHEST = 1e12
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


def _cell(table: Table, column: Column) -> tuple[Any, Any]:
    bounds: dict[str, Any] = {}
    if column.kind in {Kind.NUMBER, Kind.INTEGER}:
        low, high = (-FARTHEST if column.low is None else column.low), (FARTHEST if column.high is None else column.high)
        bounds = {"ge": low, "le": high} | ({"allow_inf_nan": False} if column.kind is Kind.NUMBER else {})
    kind = Id if column.required and column.kind is Kind.TEXT else KINDS[column.kind]
    if column.required and not (table is CUSTOMERS and column.name == CUSTOMER):
        return Annotated[kind, Field(**bounds)], ...
    return Annotated[kind, Field(**bounds)] | None, None


def _row(table: Table) -> type[BaseModel]:
    columns = [column for column in table.columns if column.name != CUSTOMER or table is CUSTOMERS]
    fields: dict[str, Any] = {column.name: _cell(table, column) for column in columns}
    told = f"A row of {table.name}, with the columns of docs/tables.md; others are ignored."
    return create_model(f"{table.name.capitalize()}Row", __doc__=told, **fields)


ROWS = {table.name: _row(table) for table in ALL_TABLES.values()}
OF_TABLES: dict[str, Any] = {
    name: (list[row] | None, None)  # type: ignore[valid-type]  # a model made above
    for name, row in ROWS.items()
}


class _Customer(BaseModel):
    """One customer and the rows that are known; a table that is left out is not known, one without rows is empty.

    With `overlay` the rows come on top of the stored history: only what is newer, or a complaint that changed. In `customers`
    a row without customer_id is the customer's own; others are those whom the customer referred.
    """

    model_config = ConfigDict(extra="forbid")

    customer_id: Id
    overlay: bool = False


Customer = create_model("LiveCustomer", __base__=_Customer, __doc__=_Customer.__doc__, **OF_TABLES)


class LiveRequest(BaseModel):
    """Customers with their events; `as_of` null is the day after the newest event, at least that of the current run."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": EXAMPLE})

    as_of: Annotated[date, Field(ge=EARLIEST.date(), lt=LATEST.date())] | None = None
    customers: Annotated[list[Customer], Field(min_length=1)]

    @model_validator(mode="after")
    def _once(self) -> Self:
        ids = [each.customer_id for each in self.customers]
        if len(set(ids)) < len(ids):
            raise ValueError("Each customer_id may stand once in customers")
        return self


@ROUTES.post("/score_live", response_model=ScoreReply, responses=described(409), summary="Scores from the events in the request")
def live(wanted: LiveRequest, request: Request) -> Response:
    """Score customers by the very functions that score a run, from their events alone or on top of the stored history.

    Of the same history it says the same as the run, to the last digit, if `as_of` and champion are the run's. An event counts
    from the day after it, so an event of today makes the answer one as of tomorrow.
    """
    state = state_in(request)
    customers = [_at_hand(each) for each in wanted.customers]
    _refuse_too_many(state, customers)
    with store_time("score_live"):
        withheld, run, stored = state.find([each.customer_id for each in customers])
    allowed = [each for each in customers if each.customer_id not in withheld]
    champion, as_of, now = state.champion(), _as_of(wanted.as_of, run, customers), utc_now()
    refuse_hindsight(champion, as_of)
    shared = about(as_of, now, champion.version, stale=state.is_stale(run, now.date()))
    found = _scored(state, champion, run, allowed, as_of, now, {row[0]: row for row in stored}) if allowed else {}
    reply = shared | {
        "scores": [full_score(shared, found[each.customer_id]) for each in customers if each.customer_id in found],
        "unknown": [each.customer_id for each in allowed if each.customer_id not in found]
        + [each for each, reason in withheld.items() if reason != SUPPRESSED],
        "suppressed": [each for each, reason in withheld.items() if reason == SUPPRESSED],
    }
    count(reply)
    return json_reply(reply)


def _scored(
    state: ServiceState,
    champion: Champion,
    run: Run,
    customers: list[LiveCustomer],
    as_of: date,
    now: datetime,
    stored: dict[str, tuple[Any, ...]],
) -> dict[str, tuple[Any, ...]]:
    """Return a row of ROW_COLUMNS per customer known before the date, each with its rank in the run."""
    norms, ranks = state.context(run.run_id)
    overlaid = [each.customer_id for each in customers if each.overlay]
    issued = issued_contacts(state.engine, overlaid, names_in_contacts(state.settings)) if overlaid else NO_CONTACTS
    scores = score_live(state.settings, champion, customers, as_of, now, norms_of_run(champion, norms, as_of), issued)
    existing = scores.filter(status="existing").select(CUSTOMER, "p_churn").rows()
    own = {each: row[P_CHURN] for each, row in stored.items() if row[STATUS] == "existing"}
    ranked = {each: percentile(p, ranks, own.get(each)) for each, p in existing if len(ranks)}
    placed = pl.col(CUSTOMER).replace_strict(ranked, default=None, return_dtype=pl.Float64).alias("churn_percentile")
    return {row[0]: row for row in flat(scores.with_columns(placed)).rows()}


def _at_hand(customer: Any) -> LiveCustomer:  # noqa: ANN401  # a model made above
    tables = {name: getattr(customer, name) for name in ROWS}
    rows = {name: [row.model_dump(exclude_unset=True) for row in given] for name, given in tables.items() if given is not None}
    return LiveCustomer(customer.customer_id, rows, customer.overlay)


def _refuse_too_many(state: ServiceState, customers: list[LiveCustomer]) -> None:
    serving = state.settings.serving
    rows = sum(len(given) for each in customers for given in each.rows.values())
    for found, most, what in ((len(customers), serving.max_live_customers, "customers"), (rows, serving.max_live_rows, "rows")):
        if found > most:
            raise ApiError(413, f"At most {most:,} {what} per call, found {found:,}.", "customers")


def _as_of(asked: date | None, run: Run, customers: list[LiveCustomer]) -> date:
    """The date asked for; else the day after the newest event that has happened, or the run's where that is later."""
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    if asked is not None and asked > tomorrow:
        raise ApiError(422, f"The as_of date lies after tomorrow, {tomorrow}.", "as_of")
    return asked or max(run.as_of, min(newest_day(customers) or run.as_of, tomorrow))
