"""Run `python -m holdfast COMMAND`, and report a user's mistake as one sentence."""

import sys
import traceback
import warnings
from collections.abc import Callable
from inspect import cleandoc

import typer

from holdfast.commands import (
    backtest,
    backup,
    compare,
    demo,
    diagnose,
    doctor,
    features,
    forget,
    init,
    inspect,
    keys,
    list_,
    outcomes,
    promote,
    reinstate,
    restore,
    rollback,
    run,
    runs,
    score,
    serve,
    suppress,
    suppressions,
    train,
    tune,
    unsuppress,
    validate,
    withdraw,
)
from holdfast.failures import describe_failure
from holdfast.printing.console import MESSAGES
from holdfast.workspace_lock import with_workspace_lock
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
    {
        *(inspect, validate, features, diagnose, train, tune, compare, backtest, promote, rollback, score, list_, run, outcomes),
        *(withdraw, reinstate, forget, backup, restore),
    }
)


def _help_text(command: Callable[..., None]) -> str:
    """Return the docstring with each paragraph on one line: rich would keep its line breaks."""
    paragraphs = cleandoc(command.__doc__ or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.splitlines()) for paragraph in paragraphs)


COMMANDS = (
    init,
    demo,
    inspect,
    validate,
    features,
    diagnose,
    train,
    tune,
    compare,
    backtest,
    promote,
    rollback,
    score,
    list_,
    run,
    outcomes,
)
for module in (*COMMANDS, runs, withdraw, reinstate, serve, suppress, unsuppress, forget, backup, restore, doctor):
    command = (
        with_workspace_lock(module.NAME, module.command, wait=module is not run) if module in LOCKING_COMMANDS else module.command
    )
    APP.command(name=module.NAME, help=_help_text(module.command), epilog=f"Example: holdfast {module.EXAMPLE}")(command)
APP.add_typer(keys.APP)
APP.add_typer(suppressions.APP)


def main() -> None:
    """Run a command; report a user's mistake as one sentence on stderr, with exit code 2.

    Any other error is a defect: its traceback is shown, without credentials.
    """
    configure_openmp()
    warnings.simplefilter("ignore")  # warnings of libraries are for developers; tests turn each of them into an error
    try:
        code = APP(prog_name="holdfast", standalone_mode=False)
    except typer.Abort:
        sys.exit(EXIT_INTERRUPTED)
    except Exception as error:  # noqa: BLE001  # a traceback that Python prints itself would show the credentials of a URL
        message = describe_failure(error)
        if message is None:
            sys.stderr.write(hide_credentials(traceback.format_exc()))
            sys.exit(EXIT_DEFECT)
        MESSAGES.print(message)
        sys.exit(EXIT_USER_ERROR)
    sys.exit(code if isinstance(code, int) else 0)
