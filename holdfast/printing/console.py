"""The consoles that commands print to: results on stdout, messages on stderr."""

from rich.console import Console

PAGE_WIDTH = 120


def _console(*, stderr: bool) -> Console:
    """Fit a terminal's own width, and a page elsewhere; sentences are never broken by us."""
    console = Console(stderr=stderr, highlight=False, markup=False, soft_wrap=True)
    return (
        console
        if console.is_terminal
        else Console(stderr=stderr, highlight=False, markup=False, soft_wrap=True, width=PAGE_WIDTH)
    )


CONSOLE = _console(stderr=False)
MESSAGES = _console(stderr=True)
