"""`python -m holdfast COMMAND`: every command, and how a mistake is told."""

import sys
import warnings

import typer

from holdfast.commands import compare, demo, features, list_, promote, score, serve, train, validate
from holdfast.options import MESSAGES
from settings.errors import UserError

APP = typer.Typer(
    name="holdfast",
    help="Which customers are about to leave, what they are worth, why, and what is worth doing about it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
USER_MISTAKE = 2

for module in (demo, validate, features, train, compare, promote, score, list_, serve):
    APP.command(name=module.NAME, epilog=f"Example: python -m holdfast {module.EXAMPLE}")(module.command)


def main() -> None:
    """Run a command; a user's mistake is one sentence on stderr and exit 2."""
    warnings.simplefilter("ignore")  # libraries' advice to developers; tests turn every warning into an error
    try:
        APP(prog_name="python -m holdfast")
    except UserError as error:
        MESSAGES.print(str(error), markup=False)
        sys.exit(USER_MISTAKE)
