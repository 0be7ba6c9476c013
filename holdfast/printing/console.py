"""The consoles that commands print to: results on stdout, messages on stderr."""

from rich.console import Console

PAGE_WIDTH = 120


def _console(*, stderr: bool) -> Console:
    """Return a console as wide as the terminal, or PAGE_WIDTH elsewhere; it never breaks a sentence into lines."""
    console = Console(stderr=stderr, highlight=False, markup=False, soft_wrap=True)
    if console.is_terminal:
        return console
    return Console(stderr=stderr, highlight=False, markup=False, soft_wrap=True, width=PAGE_WIDTH)


CONSOLE = _console(stderr=False)
MESSAGES = _console(stderr=True)
