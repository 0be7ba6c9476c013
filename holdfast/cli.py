"""Run `python -m holdfast COMMAND`, and report a user's mistake as one sentence."""

import sys
import traceback
import warnings
from collections.abc import Callable
from inspect import cleandoc

import typer
from sqlalchemy.exc import SQLAlchemyError
from typer.exceptions import TyperException

from holdfast.commands import (
    compare,
    demo,
    diagnose,
    features,
    forget,
    inspect,
    keys,
    list_,
    outcomes,
    promote,
    rollback,
    run,
    score,
    serve,
    suppress,
    train,
    tune,
    validate,
)
from holdfast.printing.console import MESSAGES
from holdfast.workspace_lock import with_workspace_lock
from settings.errors import UserError, first_line
from settings.processors import configure_openmp
from settings.urls import hide_credentials

APP = typer.Typer(
    name="holdfast",
    help="Predict which customers are about to leave, why, and what they are worth, and plan what is worth doing about it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
EXIT_DEFECT, EXIT_USER_ERROR = 1, 2
EXIT_INTERRUPTED = 130

LOCKING_COMMANDS = frozenset(
    {inspect, validate, features, diagnose, train, tune, compare, promote, rollback, score, list_, run, outcomes, forget}
)


def _help_text(command: Callable[..., None]) -> str:
    """Return the docstring with each paragraph on one line: rich would keep its line breaks."""
    paragraphs = cleandoc(command.__doc__ or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.splitlines()) for paragraph in paragraphs)


COMMANDS = (demo, inspect, validate, features, diagnose, train, tune, compare, promote, rollback, score, list_, run, outcomes)
for module in (*COMMANDS, serve, suppress, forget):
    command = (
        with_workspace_lock(module.NAME, module.command, wait=module is not run) if module in LOCKING_COMMANDS else module.command
    )
    APP.command(name=module.NAME, help=_help_text(module.command), epilog=f"Example: holdfast {module.EXAMPLE}")(command)
APP.add_typer(keys.APP)


def main() -> None:
    """Run a command; report a user's mistake as one sentence on stderr, with exit code 2.

    Any other error is a defect: its traceback is shown, without credentials.
    """
    configure_openmp()
    warnings.simplefilter("ignore")  # warnings of libraries are for developers; tests turn each of them into an error
    try:
        code = APP(prog_name="holdfast", standalone_mode=False)
    except (UserError, OSError, SQLAlchemyError, TyperException) as error:
        MESSAGES.print(_error_message(error))
        sys.exit(EXIT_USER_ERROR)
    except typer.Abort:
        sys.exit(EXIT_INTERRUPTED)
    except Exception:  # noqa: BLE001  # a traceback that Python prints itself would show the credentials of a URL
        sys.stderr.write(hide_credentials(traceback.format_exc()))
        sys.exit(EXIT_DEFECT)
    sys.exit(code if isinstance(code, int) else 0)


def _error_message(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{error.filename or 'A file'} cannot be used: {error.strerror or first_line(error)}."
    if isinstance(error, SQLAlchemyError):
        return f"The database cannot be used: {first_line(error)}."
    if isinstance(error, TyperException) and hasattr(error, "format_message"):
        return f"{error.format_message().rstrip('.')}; see --help."
    return str(error)
