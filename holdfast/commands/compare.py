"""`compare`: backtest all candidates on past dates."""

import json
from pathlib import Path
from typing import Annotated

import typer

from holdfast.commands.options import DEFAULT_CONFIG, AsOf, Candidates, Config, Quick
from holdfast.printing.console import CONSOLE

NAME = "compare"
EXAMPLE = "compare --as-of 2025-06-01 --json board.json"

JsonFile = Annotated[Path | None, typer.Option("--json", help="Write the leaderboard as JSON to this file.")]


def command(
    config: Config = DEFAULT_CONFIG,
    as_of: AsOf = None,
    candidates: Candidates = None,
    json_file: JsonFile = None,
    quick: Quick = False,  # noqa: FBT002  # a flag of the command line
) -> None:
    """Backtest all candidates, baselines included, on past dates: the configured ones, up to four by default. Registers nothing.

    Prints the leaderboards, and writes an HTML page with intervals, segments and charts to the workspace.
    """
    from features.storage.files import atomic_path
    from holdfast.jobs.session import open_session
    from holdfast.printing.checks import print_note
    from holdfast.printing.progress import show_progress
    from holdfast.printing.tables import print_leaderboard
    from training.train import compare, configured_contestants

    with open_session(config, as_of) as session, show_progress(CONSOLE) as progress:
        print_note(session.note)
        contestants = configured_contestants(session.settings, quick=quick, names=candidates or ())
        board, _, page = compare(session.settings, session.tables, session.as_of, progress, contestants)
    print_leaderboard(CONSOLE, board)
    path = session.settings.workspace.path / "comparison" / f"{session.as_of}.html"
    with atomic_path(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    CONSOLE.print(f"Comparison page with charts: {path}")
    if json_file:
        with atomic_path(json_file) as temporary:
            temporary.write_text(json.dumps(board, indent=2, allow_nan=False) + "\n", encoding="utf-8")
