"""Logs: one JSON object a line on standard output, never with a customer id."""

import sys
import traceback
from pathlib import Path
from typing import BinaryIO

import orjson
import structlog

from settings.urls import hide_credentials

ROOT = Path(__file__).resolve().parents[2]


def open_log(stream: BinaryIO | None = None) -> structlog.typing.FilteringBoundLogger:
    """Return a logger that writes to a stream, by default to standard output."""
    return structlog.wrap_logger(  # type: ignore[no-any-return]  # structlog's own type of wrapped loggers
        structlog.BytesLogger(stream or sys.stdout.buffer),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _hide_credentials,
            structlog.processors.JSONRenderer(serializer=orjson.dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
        cache_logger_on_first_use=True,
    )


def _hide_credentials(
    _logger: structlog.typing.WrappedLogger, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Hide passwords in every text of a line; nothing should log one, and this is the last place to stop it."""
    return {name: hide_credentials(value) if isinstance(value, str) else value for name, value in event.items()}


def error_location(error: BaseException) -> dict[str, object]:
    """Return the type of an error and the last frames of its traceback, without its text, which may quote a request."""
    frames = traceback.extract_tb(error.__traceback__)
    return {"error": type(error).__name__, "at": [f"{_short_path(frame.filename)}:{frame.lineno}" for frame in frames[-8:]]}


def _short_path(file_name: str) -> str:
    path = Path(file_name)
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) and "site-packages" not in file_name else path.name
