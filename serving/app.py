"""The web application: all routes and pages, with every error in one format."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from serving.api import customers, issue, lists, live, runs, scores, system
from serving.http.attempts import FailedAttempts
from serving.http.error_mapping import as_api_error
from serving.http.errors import INTERNAL, METHOD_NOT_ALLOWED, ApiError
from serving.http.logging import error_location
from serving.http.middleware import RequestMiddleware
from serving.http.state import ServiceState
from serving.pages import all_lists, customer, downloads, entrance, glossary, issuing, models, outcomes, search, segments, week
from serving.pages.error_page import error_response
from settings.errors import UserError

DESCRIPTION = """Churn and lifetime-value scores by customer, live scores, weekly lists, objections and erasure.

Every call except the health routes needs `Authorization: Bearer <key>`. `keys create` creates keys with the scopes score, list,
issue and admin. Every error has the format of ErrorReply. docs/serving.md describes the limits.
"""


ROUTE_MODULES = (
    *(scores, live, runs, lists, issue, customers, system),
    *(entrance, week, issuing, downloads, all_lists, search, customer, segments, outcomes, models, glossary),
)


def make_app(state: ServiceState) -> RequestMiddleware:
    """Return the application of one worker: the routes inside the middleware."""
    api = make_api()
    api.state.holdfast = state
    api.state.attempts = FailedAttempts(state.identity)
    return RequestMiddleware(api, state, error_response)


def make_api() -> FastAPI:
    """Return the routes; the caller must set `state.holdfast` before serving them."""
    api = FastAPI(
        title="Holdfast",
        version="1",
        description=DESCRIPTION,
        servers=[
            {"url": "/v1", "description": "Version 1: paths and fields are added, never renamed"},
            {"url": "/", "description": "The same routes, for clients from before there were versions"},
        ],
        generate_unique_id_function=_operation_id,
        openapi_url=None,  # /docs.json is a route like the others, behind a key
        docs_url=None,
        redoc_url=None,
    )
    api.router.redirect_slashes = False
    for module in ROUTE_MODULES:
        api.include_router(module.ROUTES)
    for kind in (ApiError, HTTPException, RequestValidationError, UserError, SQLAlchemyError, Exception):
        api.add_exception_handler(kind, _error_answer)
    return api


def _operation_id(route: APIRoute) -> str:
    """Return the name of a route as its OpenAPI operation id, by which generated clients call it."""
    return route.name


def _allowed_methods(path: str) -> set[str]:
    """Return the methods of all routes that match a path; the framework's own Allow header names those of one route only."""
    routes = [route for module in ROUTE_MODULES for route in module.ROUTES.routes if isinstance(route, APIRoute)]
    methods = {method for route in routes if route.path_regex.match(path) for method in route.methods or ()}
    return methods | ({"HEAD"} if "GET" in methods else set())


async def _error_answer(request: Request, error: Exception) -> Response:
    """Return the response to an exception; mark an internal error for the middleware, which logs it."""
    api_error = as_api_error(error)
    if api_error.status == METHOD_NOT_ALLOWED:
        api_error.headers = {name: value for name, value in api_error.headers.items() if name.lower() != "allow"}
        api_error.headers["allow"] = ", ".join(sorted(_allowed_methods(request.url.path)))
    if api_error.status >= INTERNAL and not isinstance(error, ApiError):
        request.scope["holdfast.fault"] = error_location(error)  # before the framework drops the traceback
    return error_response(request.scope, api_error)
