"""`train`: fit and compare all candidates, and register the winner."""

from pathlib import Path
from typing import Annotated

import typer

from holdfast.commands.options import DEFAULT_CONFIG, AsOf, Candidates, Config, DespiteReason, OverrideReason, Quick
from holdfast.printing.console import CONSOLE, MESSAGES

NAME = "train"
EXAMPLE = "train --as-of 2025-06-01"

TreesFile = Annotated[Path | None, typer.Option("--trees", metavar="FILE", help="Tree parameters for the hybrid, from `tune`.")]


def command(
    config: Config = DEFAULT_CONFIG,
    as_of: AsOf = None,
    trees: TreesFile = None,
    candidates: Candidates = None,
    quick: Quick = False,  # noqa: FBT002  # a flag of the command line
    override: OverrideReason = None,
    despite: DespiteReason = None,
) -> None:
    """Fit all candidates on what was known before the as-of date, compare them on past dates, and register the winner.

    Without a champion in the workspace the version becomes champion immediately; else it is challenger until `promote`.

    Where no customer has bought again, no model can be fitted: instead, the customers are listed by recency and value.
    """
    from holdfast.jobs.session import open_session, output_checker, override_request
    from holdfast.jobs.small_shop import write_small_shop_list
    from holdfast.printing.checks import print_note, warn
    from holdfast.printing.lists import print_small_shop
    from holdfast.printing.places import mlflow_page
    from holdfast.printing.progress import show_progress
    from holdfast.printing.tables import print_leaderboard
    from models.errors import TooLittleDataError
    from training.registry.promotion import confirm
    from training.train import train
    from training.tree_params import read_tree_params

    tree_params, request = read_tree_params(trees) if trees else None, override_request(NAME, override, despite)
    with open_session(config, as_of, request) as session, show_progress(CONSOLE) as progress:
        print_note(session.note)
        check = output_checker(session.settings, warn)
        try:
            trained = train(
                session.settings,
                session.tables,
                session.as_of,
                progress,
                tree_params,
                check,
                quick=quick,
                candidates=candidates or (),
            )
        except TooLittleDataError as error:
            MESSAGES.print(f"No model was trained. {error}")
            print_small_shop(CONSOLE, *write_small_shop_list(session))
            return
    for note in trained.notes:
        MESSAGES.print(note)
    confirm(session.settings)
    print_leaderboard(CONSOLE, trained.board)
    role = "champion" if trained.is_champion else "challenger; `promote` makes it champion"
    CONSOLE.print(f"Version {trained.version} ({trained.candidate}), trained as of {session.as_of}, is {role}.")
    if trained.record is not None:
        CONSOLE.print(trained.record.sentence)
    CONSOLE.print(f"MLflow: {mlflow_page(session.settings.mlflow_uri)}")
