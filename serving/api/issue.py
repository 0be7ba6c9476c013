"""Issue a weekly list, under the rules of the command `list`."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from serving.api.lists import list_head
from serving.api.responses import IssuedReply
from serving.api.scores import json_reply
from serving.http.auth import get_client, get_state, require
from serving.http.errors import error_responses
from serving.http.json_route import StrictRoute
from serving.lists.weekly import issue, make_list
from serving.schemas.iso_weeks import week_of
from serving.schemas.list_kind import ListKind
from serving.store.issued import effective_list
from serving.store.keys import Scope
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
def issue_list(request: Request, kind: ListKind) -> Response:
    """Plan and issue the list of the current run's week, as configured.

    Safe to repeat: for the same week and run, the reply is the list that was issued before, with status 200. 409 says which
    check stopped a table or the list.
    """
    state = get_state(request)
    run = read_current_run(state.engine)
    effective = effective_list(state.engine, kind, week_of(run.as_of))
    if effective is not None and effective.row_limit is None and effective.run_id == run.run_id:
        return json_reply({"list": list_head(state, effective), "is_new": False})
    weekly = make_list(state.settings, state.engine, kind)
    result = issue(state.settings, state.engine, weekly, get_client(request).name, utc_now())
    return json_reply({"list": list_head(state, result.issued), "is_new": result.is_new}, 201 if result.is_new else 200)
