"""`python -m holdfast COMMAND`: every command, and how a mistake is told."""

import sys
import warnings

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
from holdfast.workspace_lock import alone
from settings.errors import UserError, first_line

APP = typer.Typer(
    name="holdfast",
    help="Which customers are about to leave, what they are worth, why, and what is worth doing about it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
USER_MISTAKE = 2
INTERRUPTED = 130

ALONE = frozenset(
    {inspect, validate, features, diagnose, train, tune, compare, promote, rollback, score, list_, run, outcomes, forget}
)
COMMANDS = (demo, inspect, validate, features, diagnose, train, tune, compare, promote, rollback, score, list_, run, outcomes)
for module in (*COMMANDS, serve, suppress, forget):
    command = alone(module.NAME, module.command, waits=module is not run) if module in ALONE else module.command
    APP.command(name=module.NAME, epilog=f"Example: python -m holdfast {module.EXAMPLE}")(command)
APP.add_typer(keys.APP)


def main() -> None:
    """Run a command; a user's mistake is one sentence on stderr and exit 2."""
    warnings.simplefilter("ignore")  # libraries' advice to developers; tests turn every warning into an error
    try:
        code = APP(prog_name="python -m holdfast", standalone_mode=False)
    except (UserError, OSError, SQLAlchemyError, TyperException) as error:
        MESSAGES.print(_sentence(error))
        sys.exit(USER_MISTAKE)
    except typer.Abort:
        sys.exit(INTERRUPTED)
    sys.exit(code if isinstance(code, int) else 0)


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{error.filename or 'A file'} cannot be used: {error.strerror or error}."
    if isinstance(error, SQLAlchemyError):
        return f"The database cannot be used: {first_line(error)}."
    if isinstance(error, TyperException) and hasattr(error, "format_message"):
        return f"{error.format_message().rstrip('.')}; see --help."
    return str(error)
