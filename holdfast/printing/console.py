"""The consoles that commands print to: results on stdout, messages on stderr."""

from typing import Any

from rich.console import Console as RichConsole

from settings.urls import hide_credentials

PAGE_WIDTH = 120


class Console(RichConsole):
    """A console on which no text shows a password or a token, whoever wrote that text."""

    def print(self, *objects: Any, **options: Any) -> None:  # noqa: ANN401  # the signature of rich
        """Print, with the credentials hidden in every text."""
        super().print(*(hide_credentials(part) if isinstance(part, str) else part for part in objects), **options)


def _console(*, stderr: bool) -> Console:
    """Return a console as wide as the terminal, or PAGE_WIDTH elsewhere; it never breaks a sentence into lines."""
    console = Console(stderr=stderr, highlight=False, markup=False, soft_wrap=True)
    if console.is_terminal:
        return console
    return Console(stderr=stderr, highlight=False, markup=False, soft_wrap=True, width=PAGE_WIDTH)


CONSOLE = _console(stderr=False)
MESSAGES = _console(stderr=True)
