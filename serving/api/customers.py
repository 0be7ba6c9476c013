"""One customer: score and history, suppression and erasure."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from serving.api.responses import CustomerReply, ErasureReply, SuppressionReply
from serving.api.scores import json_reply, stored_scores
from serving.http.auth import get_client, get_state, require
from serving.http.errors import ApiError, error_responses
from serving.http.fields import Id
from serving.http.json_route import StrictRoute
from serving.http.metrics import store_time
from serving.privacy.erasure import erase
from serving.privacy.objections import suppress
from serving.store.audit import record_read
from serving.store.keys import Scope
from serving.store.read import score_history
from settings.clock import utc_now

ROUTES = APIRouter(route_class=StrictRoute, tags=["customers"])
CustomerId = Annotated[Id, Path(examples=["00042"])]


@ROUTES.get(
    "/customers/{customer_id:path}",
    response_model=CustomerReply,
    responses=error_responses(404),
    summary="A customer's score and its history",
    dependencies=[require(Scope.LIST)],
)
def customer(customer_id: CustomerId, request: Request) -> Response:
    """Return the current score and the scores of all kept runs, oldest first.

    A customer who objected to marketing has neither: the reply says only that the customer is suppressed.
    """
    state = get_state(request)
    reply = stored_scores(state, [customer_id])
    with store_time("customer"):
        rows = [] if reply["suppressed"] else score_history(state.engine, customer_id)
    record_read(state.engine, get_client(request).name, "customer read", utc_now(), state.hash_id(customer_id), len(rows))
    if reply["unknown"] and (not rows or state.find_customers([customer_id])[0]):
        raise ApiError(404, "There is no such customer.", "customer_id")
    score = next(iter(reply["scores"]), None)
    history = [row | {"scored_at": f"{row['scored_at'].isoformat()}Z"} for row in rows]
    return json_reply({"customer_id": customer_id, "suppressed": bool(reply["suppressed"]), "score": score, "history": history})


class SuppressionRequest(BaseModel):
    """A customer who objects to marketing."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"customer_id": "00042"}})

    customer_id: Id


@ROUTES.post(
    "/suppressions",
    response_model=SuppressionReply,
    responses=error_responses(),
    summary="Suppress a customer who objects to marketing",
    dependencies=[require(Scope.ADMIN)],
)
def suppression(body: SuppressionRequest, request: Request) -> Response:
    """Stop profiling a customer immediately: no score and no list. Safe to repeat."""
    state = get_state(request)
    new = suppress(state.settings, state.engine, body.customer_id, utc_now(), get_client(request).name)
    return json_reply({"customer_id": body.customer_id, "suppressed": True, "new": new})


@ROUTES.delete(
    "/customers/{customer_id:path}",
    response_model=ErasureReply,
    responses=error_responses(404),
    summary="Erase a customer",
    dependencies=[require(Scope.ADMIN)],
)
def erasure(customer_id: CustomerId, request: Request) -> Response:
    """Erase a customer from the store and from every table in the workspace, and name what cannot be reached. Safe to repeat.

    While a command is running, the rows of files go at its end: `complete` is then false, and `unreached` says so.
    """
    state = get_state(request)
    result = erase(state.settings, state.engine, customer_id, utc_now(), get_client(request).name)
    return json_reply(asdict(result) | {"complete": result.complete})
