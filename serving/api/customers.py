"""One customer: score and history, suppression and erasure."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from serving.api.responses import (
    CustomerReply,
    ErasureReply,
    LiftedReply,
    SuppressionIndex,
    SuppressionReply,
    SuppressionState,
)
from serving.api.scores import json_reply, stored_scores
from serving.http.auth import get_client, get_state, require
from serving.http.errors import ApiError, error_responses
from serving.http.fields import NO_CONTROL_CHARS, Id
from serving.http.json_route import StrictRoute
from serving.http.metrics import store_time
from serving.privacy.erasure import erase
from serving.privacy.known_customers import refuse_unknown
from serving.privacy.objections import suppress, unsuppress
from serving.store.audit import record_read
from serving.store.keys import Scope
from serving.store.objections import Objection, count_objections, read_objections
from serving.store.read import score_history
from settings.clock import utc_now

ROUTES = APIRouter(route_class=StrictRoute, tags=["customers"])
CustomerId = Annotated[Id, Path(examples=["00042"])]
Preemptive = Annotated[bool, Query(description="Also for an id that no table, score or list has yet")]
Reason = Annotated[str, Field(min_length=1, max_length=500, pattern=NO_CONTROL_CHARS)]
HINT = "Check the id, or add ?preemptive=true for a customer who is still to come."


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
    reason: Reason | None = None


@ROUTES.post(
    "/suppressions",
    response_model=SuppressionReply,
    responses=error_responses(404),
    summary="Suppress a customer who objects to marketing",
    dependencies=[require(Scope.ADMIN)],
)
def suppression(body: SuppressionRequest, request: Request, preemptive: Preemptive = False) -> Response:  # noqa: FBT002  # of the URL
    """Stop profiling a customer immediately: no score and no list. Safe to repeat. 404 for an id that nothing has."""
    state = get_state(request)
    if not preemptive:
        refuse_unknown(state.settings, state.engine, body.customer_id, HINT)
    new = suppress(state.settings, state.engine, body.customer_id, utc_now(), get_client(request).name, body.reason)
    return json_reply({"customer_id": body.customer_id, "suppressed": True, "new": new})


@ROUTES.get(
    "/suppressions",
    response_model=SuppressionIndex,
    responses=error_responses(),
    summary="The customers who object to marketing",
    dependencies=[require(Scope.ADMIN)],
)
def suppressions(request: Request, limit: Annotated[int, Query(ge=1, le=10_000)] = 100) -> Response:
    """Return how many customers object, and the newest objections. Ids are stored as keyed hashes only, and cannot be shown."""
    engine = get_state(request).engine
    entries = [asdict(objection) | _objection_fields(objection) for objection in read_objections(engine, limit)]
    return json_reply({"count": count_objections(engine), "suppressions": entries})


def _objection_fields(objection: Objection) -> dict[str, str | None]:
    return {"since": f"{objection.since.isoformat()}Z", "source": objection.source, "reason": objection.reason}


@ROUTES.get(
    "/suppressions/{customer_id:path}",
    response_model=SuppressionState,
    responses=error_responses(404),
    summary="Whether one customer objects to marketing",
    dependencies=[require(Scope.ADMIN)],
)
def suppression_of(customer_id: CustomerId, request: Request) -> Response:
    """Return whether a customer objects, since when, who recorded it and why."""
    state = get_state(request)
    found = next(iter(read_objections(state.engine, 1, state.hash_id(customer_id))), None)
    fields = dict.fromkeys(("since", "source", "reason")) if found is None else _objection_fields(found)
    return json_reply({"customer_id": customer_id, "suppressed": found is not None, **fields})


@ROUTES.delete(
    "/suppressions/{customer_id:path}",
    response_model=LiftedReply,
    responses=error_responses(404, 409),
    summary="Lift the objection of a customer who opts in again",
    dependencies=[require(Scope.ADMIN)],
)
def lifting(customer_id: CustomerId, request: Request, reason: Annotated[Reason, Query(description="Why; audited")]) -> Response:
    """Take an objection back. The customer has scores and may come on lists again from the next run.

    404: the customer does not object. 409: the customer was erased.
    """
    state = get_state(request)
    unsuppress(state.settings, state.engine, customer_id, utc_now(), get_client(request).name, reason)
    return json_reply({"customer_id": customer_id, "suppressed": False})


@ROUTES.delete(
    "/customers/{customer_id:path}",
    response_model=ErasureReply,
    responses=error_responses(404),
    summary="Erase a customer",
    dependencies=[require(Scope.ADMIN)],
)
def erasure(customer_id: CustomerId, request: Request, preemptive: Preemptive = False) -> Response:  # noqa: FBT002  # of the URL
    """Erase a customer from the store and from every table in the workspace, and name what cannot be reached. Safe to repeat.

    404 for an id that nothing has: with `preemptive=true` a future customer of this id would be erased for good.

    While a command is running, the rows of files go at its end: `complete` is then false, and `unreached` says so.
    """
    state = get_state(request)
    if not preemptive:
        refuse_unknown(state.settings, state.engine, customer_id, HINT)
    result = erase(state.settings, state.engine, customer_id, utc_now(), get_client(request).name)
    return json_reply(asdict(result) | {"complete": result.complete})
