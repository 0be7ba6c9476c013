"""`backtest`: what each candidate would have predicted on past days, a row per customer and day, beside what happened."""

from pathlib import Path
from typing import Annotated

import typer

from holdfast.commands.options import DEFAULT_CONFIG, AsOf, Candidates, Config, Quick
from holdfast.printing.console import CONSOLE

NAME = "backtest"
EXAMPLE = "backtest --out past_predictions.parquet"
SUFFIXES = (".parquet", ".csv")


def _parse_path(text: str) -> Path:
    if not text.lower().endswith(SUFFIXES):
        raise typer.BadParameter(f"the file name must end in {' or '.join(SUFFIXES)}; found {text!r}")
    return Path(text)


Out = Annotated[Path, typer.Option("--out", parser=_parse_path, metavar="FILE", help="Parquet or CSV file to write.")]


def command(
    out: Out,
    config: Config = DEFAULT_CONFIG,
    as_of: AsOf = None,
    candidates: Candidates = None,
    quick: Quick = False,  # noqa: FBT002  # a flag of the command line
) -> None:
    """Write the predictions of every candidate on past days, with the outcomes, and print the leaderboards. Registers nothing.

    The file has a row per customer and past day: customer_id, origin, churned, next_spend, groups, and a column per candidate,
    p:NAME for churn and value:NAME for spend, null on days when it could not be fitted.
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
        board, result, _ = compare(session.settings, session.tables, session.as_of, progress, contestants)
    print_leaderboard(CONSOLE, board)
    if result.frame is None:
        CONSOLE.print("No past day could be tested, so no file was written.")
        return
    with atomic_path(out) as temporary:
        if out.suffix.lower() == ".csv":
            result.frame.write_csv(temporary)
        else:
            result.frame.write_parquet(temporary)
    CONSOLE.print(f"Predictions of {result.frame.height:,} customer windows: {out}")
