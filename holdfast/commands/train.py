"""`train`: fit every candidate, judge them, register the winner."""

from pathlib import Path
from typing import Annotated

import typer

from holdfast.commands.options import DEFAULT_CONFIG, AsOf, Config, DespiteReason
from holdfast.printing.console import CONSOLE

NAME = "train"
EXAMPLE = "train --as-of 2025-06-01"


TreesFile = Annotated[Path | None, typer.Option("--trees", metavar="FILE", help="Parameters of the hybrid's trees, from `tune`.")]


def command(config: Config = DEFAULT_CONFIG, as_of: AsOf = None, trees: TreesFile = None, despite: DespiteReason = None) -> None:
    """Fit every candidate on what was known before the date, judge them on past days, and register the winner.

    The first version becomes champion at once; a later one is challenger until `promote`.
    """
    from holdfast.jobs.session import open_session, output_checker, override_of
    from holdfast.printing.checks import warn
    from holdfast.printing.progress import shown_progress
    from holdfast.printing.tables import print_leaderboard
    from models.churn.hybrid import TREES
    from training.train import train
    from training.tune import read_trees

    chosen = read_trees(trees) if trees else TREES
    session = open_session(config, as_of, override_of(NAME, despite))
    with shown_progress(CONSOLE) as progress:
        trained = train(session.settings, session.tables, session.as_of, progress, chosen, output_checker(session.settings, warn))
    print_leaderboard(CONSOLE, trained.board)
    role = "champion" if trained.is_champion else "challenger; `promote` makes it champion"
    judged = "" if trained.board["origins"] else " It was never judged on a past window."
    CONSOLE.print(f"Version {trained.version} ({trained.candidate}), trained as of {session.as_of}, is {role}.{judged}")
    CONSOLE.print(f"MLflow: mlflow ui --backend-store-uri {session.settings.mlflow_uri}")
