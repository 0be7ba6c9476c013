"""`run`: the weekly job."""

from typing import Annotated

import typer

from holdfast.commands.options import DEFAULT_CONFIG, Config, DespiteReason
from holdfast.printing.console import CONSOLE, MESSAGES

NAME = "run"
EXAMPLE = "run --config /srv/holdfast/holdfast.toml"
ENDINGS = (".csv", ".xlsx", ".parquet")

Week = Annotated[
    str | None,
    typer.Option("--week", help="ISO week of the lists, as 2026-W47. Default: the week of the day after the newest order."),
]
NoOutcomes = Annotated[bool, typer.Option("--no-outcomes", help="Leave out what earlier lists earned.")]


def command(
    config: Config = DEFAULT_CONFIG,
    week: Week = None,
    no_outcomes: NoOutcomes = False,  # noqa: FBT002  # a flag of the command line
    despite: DespiteReason = None,
) -> None:
    """Do the week's work: check the tables, score and publish, issue all lists, and measure what earlier ones earned.

    One at a time: a second one is refused. After a crash, run it again: what was published or issued already is found again,
    and the rest is completed. Files of the lists lie in lists/ in the workspace, as CSV, XLSX and Parquet.
    """
    from expectations.data_docs.write import write_data_docs
    from expectations.validation.tables import utc_now
    from holdfast.jobs.outcomes import refresh_outcomes
    from holdfast.jobs.session import open_session, override_of, suppressed_ids
    from holdfast.jobs.weekly import issue_lists, publish_scores
    from holdfast.printing.checks import print_reports, warn
    from holdfast.printing.lists import print_issued
    from models.champion import current_champion
    from serving.schemas.iso_weeks import sunday_of
    from serving.scoring.batch import refuse_hindsight
    from serving.store.engine import open_store

    if week is not None:
        sunday_of(week)
    session = open_session(config, None, override_of(NAME, despite))
    settings = session.settings
    print_reports(CONSOLE, session.reports)
    docs = write_data_docs(settings, session.reports, utc_now())
    champion, store = current_champion(settings.workspace.path / "champion"), open_store(settings.store_url)
    refuse_hindsight(champion, session.as_of)
    published = publish_scores(session, champion, store, warn, suppressed_ids(settings))
    what = "published as" if published.is_new else "the very same as"
    number = published.run.run_id if published.run else "-"
    CONSOLE.print(f"{published.scores.height:,} customers scored as of {session.as_of}, {what} run {number}.")
    for done in issue_lists(session, store, f"command {NAME}", warn, ENDINGS, week):
        print_issued(CONSOLE, done.weekly, done.issued, done.path, settings)
    if not no_outcomes:
        MESSAGES.print(refresh_outcomes(session, store, utc_now()))
    CONSOLE.print(f"Data docs: {docs}")
