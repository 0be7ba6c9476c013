"""Map each exception to the error response that the client gets."""

from collections.abc import Callable
from typing import Any

from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from starlette.exceptions import HTTPException

from expectations.validation.outputs import OutputRefusedError
from expectations.validation.stopped import TableStoppedError
from models.errors import ChampionError
from serving.http.errors import RETRY_SECONDS, ApiError
from serving.lists.replacement import ListActedOnError, ReinstatementError
from serving.lists.weekly import ListRefusedError
from serving.privacy.known_customers import UnknownCustomerError
from serving.privacy.objections import ErasedError, NotSuppressedError
from serving.schemas.iso_weeks import WeekError
from serving.scoring.batch import HindsightError
from serving.scoring.live import NoHistoryError
from serving.store.runs import NoRunError
from serving.store.targets import NoTargetsError
from settings.errors import UserError
from settings.urls import hide_credentials


def as_api_error(error: BaseException) -> ApiError:
    """Return the error response of an exception; one without a mapping is an internal error, and its text stays in the log."""
    mapped = next((respond(error) for kind, respond in RESPONSES.items() if isinstance(error, kind)), None) or _internal_error()
    mapped.message = hide_credentials(mapped.message)
    return mapped


def _internal_error() -> ApiError:
    return ApiError(500, "Something went wrong on our side, and the error was logged.")


def _store_error(error: SQLAlchemyError) -> ApiError:
    """Return 503 for a store that does not answer, 500 for a faulty statement."""
    broken = isinstance(error, DBAPIError) and not error.connection_invalidated
    if broken and not isinstance(error, OperationalError | InterfaceError):
        return _internal_error()
    return ApiError(503, "The store does not answer; try again.", code="store_unavailable", retry_after=RETRY_SECONDS)


def _validation_error(error: RequestValidationError) -> ApiError:
    """Name the first problem and its field, without repeating the value that was sent."""
    problem = error.errors()[0]
    location, *path = problem["loc"]
    field = ".".join(str(part) for part in path)
    if location == "path":
        return ApiError(404, "Not found.", field)
    if problem["type"] == "json_invalid":
        return ApiError(422, "The body is not valid JSON.", "body")
    if problem["type"] == "too_long" and location == "body":
        max_length, length = problem["ctx"]["max_length"], problem["ctx"]["actual_length"]
        return ApiError(413, f"At most {max_length:,} {field} per call, found {length:,}.", field)
    if problem["type"] == "string_pattern_mismatch":
        return ApiError(422, "Control characters are not allowed.", field)
    return ApiError(422, f"{problem['msg'].removeprefix('Value error, ').rstrip('.')}.", field or "body")


def _http_error(error: HTTPException) -> ApiError:
    return ApiError(error.status_code, f"{str(error.detail).rstrip('.')}.", headers=error.headers)


def _no_scores(error: UserError) -> ApiError:
    return ApiError(503, str(error), code="no_scores", retry_after=RETRY_SECONDS)


def _timeout(_: TimeoutError) -> ApiError:
    return ApiError(503, "The request took too long; try again.", retry_after=RETRY_SECONDS)


def _hindsight(_: HindsightError) -> ApiError:
    return ApiError(422, "The champion was trained on data after this as_of date; choose a later one.", "as_of")


def _stopped(error: UserError) -> ApiError:
    return ApiError(409, str(error), code="stopped")


def _field_error(status: int, field: str) -> Callable[[Any], ApiError]:
    return lambda error: ApiError(status, str(error), field)


RESPONSES: dict[type[BaseException], Callable[[Any], ApiError]] = {
    ApiError: lambda error: error,
    RequestValidationError: _validation_error,
    HTTPException: _http_error,
    NoRunError: _no_scores,
    ChampionError: _no_scores,
    TimeoutError: _timeout,
    NoHistoryError: _field_error(409, "overlay"),
    HindsightError: _hindsight,
    ListRefusedError: _field_error(422, "week"),
    WeekError: _field_error(422, "week"),
    ListActedOnError: lambda error: ApiError(409, str(error), "replaces", code="acted_on"),
    ReinstatementError: lambda error: ApiError(409, str(error), "list_id", code="not_replaced"),
    UnknownCustomerError: _field_error(404, "customer_id"),
    NotSuppressedError: _field_error(404, "customer_id"),
    ErasedError: lambda error: ApiError(409, str(error), "customer_id", code="erased"),
    TableStoppedError: _stopped,
    OutputRefusedError: _stopped,
    NoTargetsError: _no_scores,
    SQLAlchemyError: _store_error,
}
