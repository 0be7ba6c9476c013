"""All routes as one application, every error in one shape."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from serving.api import customers, lists, live, scores, system
from serving.http.error_mapping import as_api_error
from serving.http.errors import INTERNAL, NOT_ALLOWED, ApiError
from serving.http.logging import where_of
from serving.http.middleware import Gate
from serving.http.state import ServiceState
from serving.pages import customer, entrance, models, outcomes, segments, week
from serving.pages.error_page import error_response
from serving.pages.session import Attempts
from settings.errors import UserError

ABOUT = """Churn and lifetime-value scores by customer, live scores, weekly lists, objections and erasure.

Every call but the health routes needs `Authorization: Bearer <key>`; `keys create` makes keys with the scopes score, list and
admin. Every error has the shape of ErrorReply. Limits are told in docs/serving.md.
"""


PARTS = (scores, live, lists, customers, system, entrance, week, customer, segments, outcomes, models)


def make_app(state: ServiceState) -> Gate:
    """Return the application of one worker, its gate around it."""
    api = make_api()
    api.state.holdfast = state
    return Gate(api, state, error_response)


def make_api() -> FastAPI:
    """Return the routes; whoever starts them sets `state.holdfast`."""
    api = FastAPI(
        title="Holdfast",
        version="1",
        description=ABOUT,
        generate_unique_id_function=_name,
        openapi_url=None,  # /docs.json is a route like the others, behind a key
        docs_url=None,
        redoc_url=None,
    )
    api.router.redirect_slashes = False
    api.state.attempts = Attempts()
    for part in PARTS:
        api.include_router(part.ROUTES)
    for kind in (ApiError, HTTPException, RequestValidationError, UserError, SQLAlchemyError, Exception):
        api.add_exception_handler(kind, _answer)
    return api


def _name(route: APIRoute) -> str:
    """Name an operation as a generated client then calls it."""
    return route.name


def _methods(path: str) -> set[str]:
    """Return every method that some route answers on a path; the framework names those of one route alone."""
    routes = [route for part in PARTS for route in part.ROUTES.routes if isinstance(route, APIRoute)]
    return {method for route in routes if route.path_regex.match(path) for method in route.methods or ()}


async def _answer(request: Request, error: Exception) -> Response:
    """Answer in the one shape; what is our own fault goes on to the gate, which logs it."""
    answer = as_api_error(error)
    if answer.status == NOT_ALLOWED:
        answer.headers = {name: value for name, value in answer.headers.items() if name.lower() != "allow"}
        answer.headers["allow"] = ", ".join(sorted(_methods(request.url.path)))
    if answer.status >= INTERNAL and not isinstance(error, ApiError):
        request.scope["holdfast.fault"] = where_of(error)  # before the framework takes the traceback away
    return error_response(request.scope, answer)
