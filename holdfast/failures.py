"""One sentence for every failure that is not the program's fault: a user's mistake, a file, the disk, or a database."""

import errno
import re
from collections.abc import Iterator

from polars.exceptions import PolarsError
from sqlalchemy.exc import SQLAlchemyError
from typer.exceptions import TyperException

from settings.errors import UserError, first_line

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
READ_ONLY = frozenset({errno.EROFS})
STILL_SERVED = "Nothing was published: the last published scores and lists are unchanged, and the service goes on with them."
OS_ERROR = re.compile(r"os error (\d+)")
DATABASE_ERRORS = {"disk is full": errno.ENOSPC, "readonly database": errno.EROFS, "disk I/O error": errno.EIO}


def describe_failure(error: BaseException) -> str | None:
    """Return what happened and what to do, in a sentence or two; None for an error that is a defect."""
    for cause in _causes(error):
        number, place = _system_error(cause)
        if number in FULL:
            return f"The disk is full{place}. {STILL_SERVED} Make room, and run the command again."
        if number in READ_ONLY:
            return f"The disk is read-only{place}. {STILL_SERVED} Make it writable, and run the command again."
    return _describe(error)


def _describe(error: BaseException) -> str | None:
    message = None
    if isinstance(error, OSError):
        message = f"{error.filename or 'A file'} cannot be used: {error.strerror or first_line(error)}."
    elif isinstance(error, PolarsError) and OS_ERROR.search(str(error)):
        message = f"A file cannot be used: {first_line(error)}."
    elif isinstance(error, SQLAlchemyError):
        message = f"The database cannot be used: {first_line(error)}."
    elif isinstance(error, TyperException) and hasattr(error, "format_message"):
        message = f"{error.format_message().rstrip('.')}; see --help."
    elif isinstance(error, (UserError, TyperException)):
        message = str(error)
    return message


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _system_error(error: BaseException) -> tuple[int | None, str]:
    """Return the number of the system's error, and where it happened; None for another error."""
    if isinstance(error, OSError):
        return error.errno, "" if error.filename is None else f": {error.filename} cannot be written"
    if isinstance(error, PolarsError):
        match = OS_ERROR.search(str(error))
        return (int(match.group(1)) if match else None), ""
    if isinstance(error, SQLAlchemyError):
        text = str(getattr(error, "orig", error))
        number = next((number for phrase, number in DATABASE_ERRORS.items() if phrase in text), None)
        return number, ": the database cannot be written"
    return None, ""
