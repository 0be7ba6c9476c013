"""Health, metrics, the OpenAPI document, and the current run."""

from typing import Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response

from serving.api.responses import Health, RunReply
from serving.api.scores import json_reply, run_fields
from serving.http.auth import any_key, get_state, require
from serving.http.errors import OPEN_ROUTE, RETRY_SECONDS, ApiError, error_responses
from serving.http.json_route import StrictRoute
from serving.http.metrics import exposition, store_time
from serving.http.proxy import prefix_of
from serving.http.state import ServiceState
from serving.store.keys import Scope
from serving.store.runs import NoRunError, Run, read_current_run

ROUTES = APIRouter(route_class=StrictRoute, tags=["system"])
METRICS_RESPONSE: dict[int | str, dict[str, Any]] = {
    200: {"description": "Metrics in Prometheus' text format", "content": {"text/plain": {"schema": {"type": "string"}}}}
}


@ROUTES.get("/livez", response_model=Health, responses=error_responses(every=OPEN_ROUTE), summary="Whether the process answers")
@ROUTES.get("/healthz", include_in_schema=False)
def livez() -> Response:
    """Return 200 while the process answers."""
    return json_reply({"status": "alive"})


@ROUTES.get(
    "/readyz", response_model=Health, responses=error_responses(every=OPEN_ROUTE), summary="Whether there are scores to serve"
)
def readyz(request: Request) -> Response:
    """Return 200 once the store answers and a run is published, 503 before that."""
    try:
        _current_run(get_state(request))
    except NoRunError as error:
        raise ApiError(503, str(error), code="not_ready", retry_after=RETRY_SECONDS) from None
    return json_reply({"status": "ready"})


@ROUTES.get(
    "/runs/latest",
    response_model=RunReply,
    responses=error_responses(),
    summary="The current run",
    dependencies=[require(Scope.LIST, Scope.SCORE)],
)
def latest_run(request: Request) -> Response:
    """Return the current run: its as-of date, when it was scored, the champion's version, and its number of customers."""
    state = get_state(request)
    run = _current_run(state)
    fields = {"run_id": run.run_id, "horizon_days": run.horizon_days, "rows": run.rows}
    return json_reply(fields | run_fields(state, run))


@ROUTES.get(
    "/metrics",
    response_class=Response,
    responses=METRICS_RESPONSE | error_responses(),
    summary="Metrics",
    dependencies=[Depends(any_key)],
)
def metrics(request: Request) -> Response:
    """Return the Prometheus metrics of all workers."""
    try:
        run = _current_run(get_state(request))
    except (NoRunError, SQLAlchemyError):
        run = None
    return Response(exposition(run), media_type="text/plain; version=0.0.4; charset=utf-8")


@ROUTES.get(
    "/docs.json",
    response_model=dict[str, object],
    responses=error_responses(),
    summary="This document",
    dependencies=[Depends(any_key)],
)
def document(request: Request) -> Response:
    """Return the OpenAPI document of this service."""
    content = request.app.openapi()
    prefix = prefix_of(request.scope)
    servers = [server | {"url": f"{prefix}{server['url']}".rstrip("/") or "/"} for server in content["servers"]]
    return json_reply(content | {"servers": servers})


def _current_run(state: ServiceState) -> Run:
    with store_time("run"):
        return read_current_run(state.engine)
