"""The HTTP routes as an ASGI application: parse, call one function, shape the reply."""

import logging
from datetime import UTC, date, datetime
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException as StarletteHTTPException

from serving.store import NoRun, find_scores

LOG = logging.getLogger("holdfast.serving")
MOST_IDS = 1_000
CODES = {400: "bad_request", 404: "not_found", 405: "method_not_allowed", 413: "too_many", 422: "invalid", 503: "no_scores"}


UtcMoment = Annotated[datetime, AfterValidator(lambda moment: moment.replace(tzinfo=UTC))]


class ScoreRequest(BaseModel):
    """Ids of the customers whose scores are asked for, at most 1,000."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"customer_ids": ["00042", "00007"]}})

    customer_ids: Annotated[list[Annotated[str, Field(strict=True)]], Field(min_length=1)]


class Reason(BaseModel):
    """What moved the risk, in words; weight in log-odds of churn."""

    text: str
    weight: float
    direction: str


class Score(BaseModel):
    """One customer's score; README and docs say what each field means."""

    customer_id: str
    as_of: date
    scored_at: UtcMoment
    model_version: str
    status: str
    lifecycle_stage: str
    relationship_level: str | None
    loyalty_segment: str
    p_hard_core: float | None
    p_split: float | None
    p_shifting: float | None
    p_switcher: float | None
    recency_days: int | None
    orders: int
    historic_value: float | None
    p_churn: float | None
    churn_band: str | None
    churn_percentile: float | None
    p_alive: float | None
    expected_orders: float | None
    expected_value: float | None
    value_low: float | None
    value_high: float | None
    value_if_stays: float | None
    value_at_risk: float | None
    next_order_date: date | None
    next_order_low: date | None
    next_order_high: date | None
    open_complaints: int | None
    action: str
    action_cost: float | None
    expected_gain: float | None
    reasons: list[Reason] | None
    no_score_reason: str | None


class ScoreReply(BaseModel):
    """Scores in the order of the request; ids without one are listed as unknown or suppressed."""

    scores: list[Score]
    unknown: list[str]
    suppressed: list[str]


class ErrorBody(BaseModel):
    """What went wrong; `field` names the part of the request where that helps."""

    code: str
    message: str
    field: str | None = None


class ErrorReply(BaseModel):
    """The one shape of every error."""

    error: ErrorBody


def make_app() -> FastAPI:
    """Return the application; whoever starts it sets `app.state.engine` to the score store."""
    errors: dict[int | str, dict[str, Any]] = {status: {"model": ErrorReply} for status in (400, 413, 422, 503)}
    app = FastAPI(title="Holdfast", docs_url=None, redoc_url=None, openapi_url=None)
    app.post("/score", response_model=ScoreReply, responses=errors)(score)
    app.add_exception_handler(StarletteHTTPException, _on_http_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(NoRun, _on_no_run)
    app.add_exception_handler(Exception, _on_fault)
    return app


def score(wanted: ScoreRequest, request: Request) -> dict[str, Any]:
    """Return the stored scores of customers by id."""
    ids = wanted.customer_ids
    if len(ids) > MOST_IDS:
        raise HTTPException(413, f"At most {MOST_IDS} customer_ids per call, found {len(ids)}.")
    _, found = find_scores(request.app.state.engine, list(dict.fromkeys(ids)))
    known, unknown = [found[each] for each in ids if each in found], [each for each in ids if each not in found]
    return {"scores": known, "unknown": unknown, "suppressed": []}


def _reply(status: int, message: str, field: str | None = None) -> JSONResponse:
    error = {"code": CODES.get(status, "error"), "message": message} | ({"field": field} if field else {})
    return JSONResponse({"error": error}, status_code=status)


async def _on_http_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, StarletteHTTPException)  # noqa: S101  # registered for this class
    return _reply(error.status_code, str(error.detail))


async def _on_invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101  # registered for this class
    problem = error.errors()[0]
    if problem["type"] == "json_invalid":
        return _reply(422, "The body is not valid JSON.", "body")
    field = ".".join(str(part) for part in problem["loc"][1:])
    return _reply(422, f"{problem['msg']}.", field or "body")


async def _on_no_run(_: Request, error: Exception) -> JSONResponse:
    return _reply(503, str(error))


async def _on_fault(_: Request, error: Exception) -> JSONResponse:
    LOG.error("a request failed: %s", type(error).__name__)
    return JSONResponse({"error": {"code": "internal", "message": "Something went wrong on our side."}}, status_code=500)
