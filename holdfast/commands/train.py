"""`train`: fit every candidate, judge them, register the winner."""

from holdfast.options import CONSOLE, DEFAULT_CONFIG, AsOf, Config

NAME = "train"
EXAMPLE = "train --as-of 2025-06-01"


def command(config: Config = DEFAULT_CONFIG, as_of: AsOf = None) -> None:
    """Fit every candidate on what was known before the date, judge them on past days, and register the winner.

    The first version becomes champion at once; a later one is challenger until `promote`.
    """
    from holdfast.print_tables import print_leaderboard
    from holdfast.progress import shown_progress
    from holdfast.session import open_session
    from training.train import train

    session = open_session(config, as_of)
    with shown_progress(CONSOLE) as progress:
        trained = train(session.settings, session.tables, session.as_of, progress)
    print_leaderboard(CONSOLE, trained.board)
    role = "champion" if trained.is_champion else "challenger; `promote` makes it champion"
    judged = "" if trained.board["origins"] else " It was never judged on a past window."
    CONSOLE.print(f"Version {trained.version} ({trained.candidate}), trained as of {session.as_of}, is {role}.{judged}")
    CONSOLE.print(f"MLflow: mlflow ui --backend-store-uri {session.settings.mlflow_uri}")
