"""From whatever was raised to the answer that the client gets."""

from collections.abc import Callable
from typing import Any

from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from starlette.exceptions import HTTPException

from models.errors import NoChampionError
from serving.http.errors import RETRY_SECONDS, ApiError
from serving.lists.weekly import ListRefusedError
from serving.schemas.iso_weeks import WeekError
from serving.scoring.batch import HindsightError
from serving.scoring.live import NoHistoryError
from serving.store.runs import NoRunError
from serving.store.targets import NoTargetsError
from settings.errors import UserError


def as_api_error(error: BaseException) -> ApiError:
    """Return the answer for an error. What is not known here is our own fault, and its text stays with us."""
    return next((answer(error) for kind, answer in RESPONSES.items() if isinstance(error, kind)), None) or _ours()


def _ours() -> ApiError:
    return ApiError(500, "Something went wrong on our side; the request_id says where to look.")


def _of_store(error: SQLAlchemyError) -> ApiError:
    """A store that does not answer is no fault of the request, nor of the code."""
    broken = isinstance(error, DBAPIError) and not error.connection_invalidated
    if broken and not isinstance(error, OperationalError | InterfaceError):
        return _ours()
    return ApiError(503, "The store does not answer; try again.", code="store_unavailable", retry_after=RETRY_SECONDS)


def _malformed(error: RequestValidationError) -> ApiError:
    """Name the first thing that is wrong, and where; what was sent is not repeated."""
    problem = error.errors()[0]
    where, *inner = problem["loc"]
    field = ".".join(str(part) for part in inner)
    if where == "path":
        return ApiError(404, "There is no such thing here.", field)
    if problem["type"] == "json_invalid":
        return ApiError(422, "The body is not valid JSON.", "body")
    if problem["type"] == "too_long" and where == "body":
        most, found = problem["ctx"]["max_length"], problem["ctx"]["actual_length"]
        return ApiError(413, f"At most {most:,} {field} per call, found {found}.", field)
    if problem["type"] == "string_pattern_mismatch":
        return ApiError(422, "An id holds no control characters.", field)
    said = problem["msg"].removeprefix("Value error, ")
    return ApiError(422, f"{said.rstrip('.')}.", field or "body")


def _of_http(error: HTTPException) -> ApiError:
    return ApiError(error.status_code, f"{str(error.detail).rstrip('.')}.", headers=error.headers)


def _of_no_scores(error: UserError) -> ApiError:
    return ApiError(503, str(error), code="no_scores", retry_after=RETRY_SECONDS)


def _of_time(_: TimeoutError) -> ApiError:
    return ApiError(503, "This took too long; try again.", retry_after=RETRY_SECONDS)


def _of_hindsight(_: HindsightError) -> ApiError:
    return ApiError(422, "The champion was trained on what happened after this as_of date; ask for a later one.", "as_of")


def _about(status: int, field: str) -> Callable[[Any], ApiError]:
    return lambda error: ApiError(status, str(error), field)


RESPONSES: dict[type[BaseException], Callable[[Any], ApiError]] = {
    ApiError: lambda error: error,
    RequestValidationError: _malformed,
    HTTPException: _of_http,
    NoRunError: _of_no_scores,
    NoChampionError: _of_no_scores,
    TimeoutError: _of_time,
    NoHistoryError: _about(409, "overlay"),
    HindsightError: _of_hindsight,
    ListRefusedError: _about(422, "week"),
    WeekError: _about(422, "week"),
    NoTargetsError: _of_no_scores,
    SQLAlchemyError: _of_store,
}
