"""The one format of all errors."""

from collections.abc import Mapping
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

UNAUTHORIZED, METHOD_NOT_ALLOWED, INTERNAL = 401, 405, 500
RETRY_SECONDS = 2
EVERY_ROUTE = frozenset({401, 403, 405, 408, 413, 415, 422, 429, 500, 503})
OPEN_ROUTE = EVERY_ROUTE - {401, 403, 422, 429}
CODES = {
    400: "bad_request",
    401: "no_key",
    403: "wrong_scope",
    404: "not_found",
    405: "method_not_allowed",
    408: "too_slow",
    409: "no_history",
    413: "too_many",
    415: "unsupported_type",
    422: "invalid",
    429: "too_often",
    500: "internal",
    503: "unavailable",
}
DESCRIPTIONS = {
    401: "The key is missing, unknown, expired or revoked",
    403: "The key lacks the scope that this needs",
    404: "There is no such list, customer, run or route",
    405: "The route does not support this method",
    408: "The body did not arrive in time",
    409: "The stored history is not on this machine, a check stopped a table or a list, or a confirmation is missing",
    413: "Too many ids, customers, rows or bytes",
    415: "The body is not JSON in UTF-8, or is compressed with something other than gzip",
    422: "The request is malformed; `field` names the part",
    429: "Too many requests with this key; Retry-After has the seconds to wait",
    500: "Internal error; `request_id` is the reference in the log",
    503: "No scores are published yet, or the store does not answer; Retry-After has the seconds to wait",
}


class ErrorBody(BaseModel):
    """The error: a stable code, a message, the `field` of the request it concerns, and the `request_id` of our log."""

    code: str
    message: str
    field: str | None = None
    request_id: str | None = None


class ErrorReply(BaseModel):
    """The one format of all errors."""

    model_config = ConfigDict(json_schema_extra={"example": {"error": {"code": "no_key", "message": "Send a key."}}})

    error: ErrorBody


class ApiError(Exception):
    """An error response: status, message, the field it concerns, and the seconds after which to retry."""

    def __init__(
        self,
        status: int,
        message: str,
        field: str | None = None,
        code: str | None = None,
        retry_after: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Keep the parts of the response; `code` None takes the default code of the status."""
        super().__init__(message)
        self.status, self.message, self.field, self.retry_after = status, message, field, retry_after
        self.headers = dict(headers or {})
        self.code = code or CODES.get(status, "error")


def json_error(error: ApiError, request_id: str | None = None) -> Response:
    """Return an error as a JSON response."""
    body: dict[str, Any] = {"code": error.code, "message": error.message}
    body |= {"field": error.field} if error.field else {}
    body |= {"request_id": request_id} if request_id else {}
    headers = error.headers | ({} if error.retry_after is None else {"retry-after": str(error.retry_after)})
    headers |= {"www-authenticate": "Bearer"} if error.status == UNAUTHORIZED else {}
    return Response(orjson.dumps({"error": body}), error.status, headers, "application/json")


def error_responses(*statuses: int, every: frozenset[int] = EVERY_ROUTE) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI descriptions of these error statuses and of those that every route may return."""
    return {status: {"model": ErrorReply, "description": DESCRIPTIONS[status]} for status in sorted({*statuses, *every})}
