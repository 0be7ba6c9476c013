"""Health, metrics, the OpenAPI document, and the current run."""

from typing import Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response

from serving.api.responses import Health, RunReply
from serving.api.scores import about_run, json_reply
from serving.http.auth import any_key, require, state_in
from serving.http.errors import RETRY_SECONDS, ApiError, described
from serving.http.json_route import StrictRoute
from serving.http.metrics import exposition, store_time
from serving.http.state import ServiceState
from serving.store.engine import reading
from serving.store.keys import Scope
from serving.store.runs import NoRunError, Run, current_run

ROUTES = APIRouter(route_class=StrictRoute, tags=["system"])
TEXT: dict[int | str, dict[str, Any]] = {
    200: {"description": "Metrics in Prometheus' text format", "content": {"text/plain": {"schema": {"type": "string"}}}}
}


@ROUTES.get("/livez", response_model=Health, responses=described(), summary="Whether the process answers")
@ROUTES.get("/healthz", include_in_schema=False)
def livez() -> Response:
    """Say that the process answers."""
    return json_reply({"status": "alive"})


@ROUTES.get("/readyz", response_model=Health, responses=described(), summary="Whether there are scores to serve")
def readyz(request: Request) -> Response:
    """Say that the store answers and a run is published; 503 before."""
    try:
        _present(state_in(request))
    except NoRunError as error:
        raise ApiError(503, str(error), code="not_ready", retry_after=RETRY_SECONDS) from None
    return json_reply({"status": "ready"})


@ROUTES.get(
    "/runs/latest",
    response_model=RunReply,
    responses=described(),
    summary="The current run",
    dependencies=[require(Scope.LIST)],
)
def latest_run(request: Request) -> Response:
    """Return which run is current: as of when, when it was made, by which champion, how many customers."""
    state = state_in(request)
    run = _present(state)
    own = {"run_id": run.run_id, "horizon_days": run.horizon_days, "rows": run.rows}
    return json_reply(own | about_run(state, run))


@ROUTES.get("/metrics", response_class=Response, responses=TEXT | described(), summary="Metrics", dependencies=[Depends(any_key)])
def metrics(request: Request) -> Response:
    """Return what Prometheus reads; of all workers, whichever answers."""
    try:
        run = _present(state_in(request))
    except (NoRunError, SQLAlchemyError):
        run = None
    return Response(exposition(run), media_type="text/plain; version=0.0.4; charset=utf-8")


@ROUTES.get(
    "/docs.json",
    response_model=dict[str, object],
    responses=described(),
    summary="This document",
    dependencies=[Depends(any_key)],
)
def document(request: Request) -> Response:
    """Return the OpenAPI document of this service."""
    return json_reply(request.app.openapi())


def _present(state: ServiceState) -> Run:
    with store_time("run"), reading(state.engine).connect() as connection:
        return current_run(connection)
