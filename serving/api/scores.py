"""`POST /score`: stored scores of customers by id."""

from datetime import UTC, date, datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from serving.api.responses import ScoreReply
from serving.http.auth import require, state_in
from serving.http.errors import described
from serving.http.fields import Id
from serving.http.json_route import StrictRoute
from serving.http.metrics import SCORES, store_time
from serving.http.state import ServiceState
from serving.schemas.scores import SCORE_COLUMNS
from serving.store.keys import Scope
from serving.store.runs import Run
from serving.store.schema import ROW_COLUMNS

MAX_IDS = 1_000
SUPPRESSED = "suppressed"
FIELDS = (*SCORE_COLUMNS, "stale")
REASONS, NO_SCORE = ROW_COLUMNS.index("reasons"), ROW_COLUMNS.index("no_score_reason")

ROUTES = APIRouter(route_class=StrictRoute, tags=["scores"], dependencies=[require(Scope.SCORE)])


class ScoreRequest(BaseModel):
    """Ids of the customers whose scores are asked for, at most 1,000."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"customer_ids": ["00042", "00007"]}})

    customer_ids: Annotated[list[Id], Field(min_length=1, max_length=MAX_IDS)]


@ROUTES.post("/score", response_model=ScoreReply, responses=described(), summary="Stored scores of customers by id")
async def score(wanted: ScoreRequest, request: Request) -> Response:
    """Return the scores of the current run in the order of the ids.

    Unknown ids and customers who objected to marketing are listed by themselves.
    """
    state, ids = state_in(request), wanted.customer_ids
    return await state.run(score_reply, state, ids, size=len(ids))


def score_reply(state: ServiceState, ids: list[str]) -> Response:
    """Return the answer for these ids."""
    return json_reply(stored_scores(state, ids))


def stored_scores(state: ServiceState, ids: list[str]) -> dict[str, Any]:
    """Return the reply for these ids; an erased customer is unknown."""
    with store_time("score"):
        withheld, run, rows = state.find(ids)
    about = about_run(state, run)
    found = {row[0]: row for row in rows if row[NO_SCORE] != SUPPRESSED}
    objected = {each for each, reason in withheld.items() if reason == SUPPRESSED} | {row[0] for row in rows} - found.keys()
    reply = about | {
        "scores": [full_score(about, found[each]) for each in ids if each in found],
        "unknown": [each for each in ids if each not in found and each not in objected],
        "suppressed": [each for each in ids if each in objected],
    }
    count(reply)
    return reply


def about_run(state: ServiceState, run: Run) -> dict[str, Any]:
    """Return what every score of a run shares, ready for JSON."""
    return about(run.as_of, run.scored_at, run.model_version, stale=state.is_stale(run, datetime.now(UTC).date()))


def about(as_of: date, scored_at: datetime, model_version: str, *, stale: bool) -> dict[str, Any]:
    """Return as_of, scored_at with its zone, model_version and stale."""
    return {"as_of": as_of, "scored_at": f"{scored_at.isoformat()}Z", "model_version": model_version, "stale": stale}


def full_score(shared: dict[str, Any], row: tuple[Any, ...]) -> dict[str, Any]:
    """Return one score with FIELDS in their order, from a row of ROW_COLUMNS whose reasons are JSON text already."""
    said = row[REASONS]
    reasons = orjson.Fragment(said) if said is not None else None
    values = (row[0], shared["as_of"], shared["scored_at"], shared["model_version"], *row[1:REASONS], reasons)
    return dict(zip(FIELDS, (*values, *row[REASONS + 1 :], shared["stale"]), strict=True))


def count(reply: dict[str, Any]) -> None:
    """Count what was asked for."""
    for result, entries in (("known", "scores"), ("unknown", "unknown"), ("suppressed", "suppressed")):
        if reply[entries]:
            SCORES.labels(result).inc(len(reply[entries]))


def json_reply(content: object) -> Response:
    """Return JSON; numbers that are none become null."""
    return Response(orjson.dumps(content), media_type="application/json")
