"""The one shape of every error, whatever went wrong."""

from collections.abc import Mapping
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response


class ErrorBody(BaseModel):
    """What went wrong; `field` names the part of the request where that helps, `request_id` what our log calls it."""

    code: str
    message: str
    field: str | None = None
    request_id: str | None = None


class ErrorReply(BaseModel):
    """The one shape of every error."""

    model_config = ConfigDict(json_schema_extra={"example": {"error": {"code": "no_key", "message": "Send a key."}}})

    error: ErrorBody


CODES = {
    400: "bad_request",
    401: "no_key",
    403: "wrong_scope",
    404: "not_found",
    405: "method_not_allowed",
    408: "too_slow",
    409: "no_history",
    413: "too_many",
    422: "invalid",
    429: "too_often",
    500: "internal",
    503: "unavailable",
}
MEANINGS = {
    401: "No key, or one that is unknown, expired or revoked",
    403: "The key does not allow this",
    404: "There is no such list, customer, run or route",
    405: "The route does not answer this method",
    408: "The body did not come in time",
    409: "The stored history is not on this machine",
    413: "Too many ids, customers, rows or bytes",
    422: "The request is malformed; `field` says where",
    429: "Too many requests with this key; Retry-After says how many seconds to wait",
    500: "Our own fault; `request_id` is the one in our log",
    503: "Nothing published yet, or the store does not answer; Retry-After says how many seconds to wait",
}
RETRY_SECONDS = 2


class ApiError(Exception):
    """An answer that is an error: its status, a sentence, the field it is about, and when to try again."""

    def __init__(
        self,
        status: int,
        message: str,
        field: str | None = None,
        code: str | None = None,
        retry_after: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Keep the parts of the answer; `code` None takes the usual one of the status."""
        super().__init__(message)
        self.status, self.message, self.field, self.retry_after = status, message, field, retry_after
        self.headers = dict(headers or {})
        self.code = code or CODES.get(status, "error")


def error_reply(error: ApiError, request_id: str | None = None) -> Response:
    """Return the error as an answer."""
    body: dict[str, Any] = {"code": error.code, "message": error.message}
    body |= {"field": error.field} if error.field else {}
    body |= {"request_id": request_id} if request_id else {}
    headers = error.headers | ({} if error.retry_after is None else {"retry-after": str(error.retry_after)})
    headers |= {"www-authenticate": "Bearer"} if error.status == UNAUTHORIZED else {}
    return Response(orjson.dumps({"error": body}), error.status, headers, "application/json")


def described(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return how the OpenAPI document tells of these errors, and of those that every route may answer with."""
    return {
        status: {"model": ErrorReply, "description": MEANINGS[status]}
        for status in sorted({*statuses, 401, 403, 405, 408, 413, 422, 429, 500, 503})
    }


UNAUTHORIZED, NOT_ALLOWED, INTERNAL = 401, 405, 500
