"""`POST /score`: stored scores of customers by id."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from serving.api.responses import ScoreReply
from serving.http.auth import get_state, require
from serving.http.errors import error_responses
from serving.http.fields import Id
from serving.http.json_route import StrictRoute
from serving.http.metrics import SCORES, store_time
from serving.http.state import ServiceState
from serving.schemas.scores import SCORE_COLUMNS
from serving.store.keys import Scope
from serving.store.runs import Run
from serving.store.schema import ROW_COLUMNS, RUN_COLUMNS

MAX_IDS = 1_000
SUPPRESSED = "suppressed"
FIELDS = (*SCORE_COLUMNS, "stale")
NO_SCORE = ROW_COLUMNS.index("no_score_reason")

ROUTES = APIRouter(route_class=StrictRoute, tags=["scores"], dependencies=[require(Scope.SCORE)])


class ScoreRequest(BaseModel):
    """Ids of the customers whose scores to return, at most 1,000."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"customer_ids": ["00042", "00007"]}})

    customer_ids: Annotated[list[Id], Field(min_length=1, max_length=MAX_IDS)]


@ROUTES.post("/score", response_model=ScoreReply, responses=error_responses(), summary="Stored scores of customers by id")
async def score(body: ScoreRequest, request: Request) -> Response:
    """Return the scores of the current run in the order of the ids.

    Unknown ids and customers who objected to marketing are listed separately.
    """
    state, ids = get_state(request), body.customer_ids
    return await state.run(score_reply, state, ids, size=len(ids))


def score_reply(state: ServiceState, ids: list[str]) -> Response:
    """Return the JSON reply for these ids."""
    return json_reply(stored_scores(state, ids))


def stored_scores(state: ServiceState, ids: list[str]) -> dict[str, Any]:
    """Return the content of the reply for these ids; an erased customer is unknown."""
    with store_time("score"):
        withheld, run, rows = state.find_customers(ids)
    shared = run_fields(state, run)
    scored = {row[0]: row for row in rows if row[NO_SCORE] != SUPPRESSED}
    suppressed = {customer_id for customer_id, reason in withheld.items() if reason == SUPPRESSED}
    suppressed |= {row[0] for row in rows} - scored.keys()
    reply = shared | {
        "scores": [score_entry(shared, scored[customer_id]) for customer_id in ids if customer_id in scored],
        "unknown": [customer_id for customer_id in ids if customer_id not in scored and customer_id not in suppressed],
        "suppressed": [customer_id for customer_id in ids if customer_id in suppressed],
    }
    count_ids(reply)
    return reply


def run_fields(state: ServiceState, run: Run) -> dict[str, Any]:
    """Return the fields that all scores of a run share, ready for JSON."""
    return shared_fields(run, stale=state.is_stale(run, state.today))


def shared_fields(run: Run, *, stale: bool) -> dict[str, Any]:
    """Return RUN_COLUMNS and stale, ready for JSON: scored_at with its zone."""
    fields = {name: getattr(run, name) for name in RUN_COLUMNS}
    return fields | {"scored_at": f"{run.scored_at.isoformat()}Z", "stale": stale}


def score_entry(shared: dict[str, Any], row: tuple[Any, ...]) -> dict[str, Any]:
    """Return one score with FIELDS in order, from a row of ROW_COLUMNS; its reasons are JSON text, which is passed through."""
    values = dict(zip(ROW_COLUMNS, row, strict=True)) | shared
    if values["reasons"] is not None:
        values["reasons"] = orjson.Fragment(values["reasons"])
    return {name: values[name] for name in FIELDS}


def count_ids(reply: dict[str, Any]) -> None:
    """Count the requested ids by result, for the metrics."""
    for result, entries in (("known", "scores"), ("unknown", "unknown"), ("suppressed", "suppressed")):
        if reply[entries]:
            SCORES.labels(result).inc(len(reply[entries]))


def json_reply(content: object, status: int = 200) -> Response:
    """Return content as JSON; numbers that are not finite become null."""
    return Response(orjson.dumps(content), status, media_type="application/json")
