"""One customer: the score, what earlier runs said, and erasure."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from serving.api.responses import CustomerReply, ErasureReply, SuppressionReply
from serving.api.scores import json_reply, stored_scores
from serving.http.auth import client_in, require, state_in
from serving.http.errors import ApiError, described
from serving.http.fields import Id
from serving.http.json_route import StrictRoute
from serving.http.metrics import store_time
from serving.http.state import utc_now
from serving.privacy.erasure import erase, suppress
from serving.store.audit import record
from serving.store.keys import Scope
from serving.store.read import score_history

ROUTES = APIRouter(route_class=StrictRoute, tags=["customers"])
CustomerId = Annotated[Id, Path(examples=["00042"])]


@ROUTES.get(
    "/customers/{customer_id:path}",
    response_model=CustomerReply,
    responses=described(404),
    summary="A customer's score and its history",
    dependencies=[require(Scope.LIST)],
)
def customer(customer_id: CustomerId, request: Request) -> Response:
    """Return the current score and what each kept run said, oldest first. Of a customer who objected, only that is told."""
    state = state_in(request)
    found = stored_scores(state, [customer_id])
    with store_time("customer"):
        history = [] if found["suppressed"] else score_history(state.engine, customer_id)
    with state.engine.begin() as connection:
        record(connection, client_in(request).name, "customer read", utc_now(), state.hash_of(customer_id), len(history))
    if found["unknown"] and (not history or state.find([customer_id])[0]):
        raise ApiError(404, "There is no such customer.", "customer_id")
    score = next(iter(found["scores"]), None)
    past = [row | {"scored_at": f"{row['scored_at'].isoformat()}Z"} for row in history]
    return json_reply({"customer_id": customer_id, "suppressed": bool(found["suppressed"]), "score": score, "history": past})


class SuppressionRequest(BaseModel):
    """A customer who objects to marketing."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"customer_id": "00042"}})

    customer_id: Id


@ROUTES.post(
    "/suppressions",
    response_model=SuppressionReply,
    responses=described(),
    summary="Suppress a customer who objects to marketing",
    dependencies=[require(Scope.ADMIN)],
)
def suppression(wanted: SuppressionRequest, request: Request) -> Response:
    """Stop profiling a customer at once: no score, no list. May be said again."""
    state = state_in(request)
    new = suppress(state.settings, state.engine, wanted.customer_id, utc_now(), client_in(request).name)
    return json_reply({"customer_id": wanted.customer_id, "suppressed": True, "new": new})


@ROUTES.delete(
    "/customers/{customer_id:path}",
    response_model=ErasureReply,
    responses=described(404),
    summary="Erase a customer",
    dependencies=[require(Scope.ADMIN)],
)
def erasure(customer_id: CustomerId, request: Request) -> Response:
    """Erase a customer from the store and every table below the workspace; say what is out of reach. May be said again."""
    state = state_in(request)
    done = erase(state.settings, state.engine, customer_id, utc_now(), client_in(request).name)
    return json_reply(done)
