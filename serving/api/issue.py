"""Issue a weekly list, under the rules of the command `list`."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from serving.api.lists import list_head
from serving.api.responses import IssuedReply
from serving.api.scores import json_reply
from serving.http.auth import get_client, get_state, require
from serving.http.errors import error_responses
from serving.http.fields import NO_CONTROL_CHARS, Id
from serving.http.json_route import StrictRoute
from serving.lists.issuing import issue
from serving.lists.replacement import refuse_replacement, reinstate
from serving.lists.weekly import make_list
from serving.schemas.iso_weeks import week_of
from serving.schemas.list_kind import ListKind
from serving.store.keys import Scope
from serving.store.lists.precedence import effective_list
from serving.store.runs import read_current_run
from settings.clock import utc_now

ROUTES = APIRouter(route_class=StrictRoute, tags=["lists"], dependencies=[require(Scope.ISSUE)])


@ROUTES.post(
    "/lists/{kind}",
    response_model=IssuedReply,
    status_code=201,
    responses={**error_responses(404, 409), 200: {"model": IssuedReply, "description": "The list was issued before"}},
    summary="Issue this week's list",
)
def issue_list(
    request: Request,
    kind: ListKind,
    replaces: Annotated[
        str | None,
        Query(max_length=100, pattern=NO_CONTROL_CHARS, description="The id of the list to replace, if it was acted on"),
    ] = None,
) -> Response:
    """Plan and issue the list of the current run's week, as configured.

    Safe to repeat: for the same week and run, the reply is the list that was issued before, with status 200. 409 says which
    check stopped a table or the list; or, with the code `acted_on`, that the list of the week was read or downloaded, by whom,
    and how many customers it has. `replaces` confirms that.
    """
    state = get_state(request)
    run = read_current_run(state.engine)
    effective = effective_list(state.engine, kind, week_of(run.as_of))
    if effective is not None and effective.row_limit is None and effective.run_id == run.run_id:
        return json_reply({"list": list_head(state, effective), "is_new": False})
    weekly = make_list(state.settings, state.engine, kind)
    refuse_replacement(state.engine, weekly, replaces, f"Confirm with POST /lists/{kind}?replaces={{list_id}}.")
    result = issue(state.settings, state.engine, weekly, get_client(request).name, utc_now())
    return json_reply({"list": list_head(state, result.issued), "is_new": result.is_new}, 201 if result.is_new else 200)


class ReinstatementRequest(BaseModel):
    """A replaced list that is to count again, and why."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"list_id": "at_risk-2026-W47-12", "reason": "sent"}})

    list_id: Id
    reason: Annotated[str, Field(strict=True, min_length=1, max_length=500, pattern=NO_CONTROL_CHARS)]


@ROUTES.post(
    "/reinstatements",
    response_model=IssuedReply,
    responses=error_responses(409),
    summary="Let a replaced list count again",
)
def reinstate_list(request: Request, body: ReinstatementRequest) -> Response:
    """Undo the replacement of a list: it counts again, and the audit records who did it and why.

    409: there is no such list, it counts already, it is a preview, or its scores were withdrawn.
    """
    state = get_state(request)
    issued = reinstate(state.engine, body.list_id, get_client(request).name, utc_now(), body.reason)
    return json_reply({"list": list_head(state, issued), "is_new": False})
