"""`run`: the weekly job."""

from typing import Annotated

import typer

from holdfast.options import CONSOLE, DEFAULT_CONFIG, MESSAGES, Config, DespiteReason

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
    from expectations.data_docs import write_data_docs
    from expectations.load import utc_now
    from holdfast.outcomes import refresh_outcomes
    from holdfast.print_checks import print_reports
    from holdfast.print_lists import print_issued
    from holdfast.session import despite_of, open_session, suppressed_of
    from holdfast.weekly import issue_lists, publish_scores
    from models.champion import current_champion
    from serving.scoring import refuse_hindsight
    from serving.store.engine import open_store
    from serving.weeks import sunday_of

    if week is not None:
        sunday_of(week)
    session = open_session(config, None, despite_of(NAME, despite))
    settings = session.settings
    print_reports(CONSOLE, session.reports)
    docs = write_data_docs(settings, session.reports, utc_now())
    champion, store = current_champion(settings.workspace.path / "champion"), open_store(settings.store_url)
    refuse_hindsight(champion, session.as_of)
    published = publish_scores(session, champion, store, suppressed_of(settings))
    what = "published as" if published.is_new else "the very same as"
    number = published.run.run_id if published.run else "-"
    CONSOLE.print(f"{published.scores.height:,} customers scored as of {session.as_of}, {what} run {number}.")
    for done in issue_lists(session, store, f"command {NAME}", ENDINGS, week):
        print_issued(CONSOLE, done, settings)
    if not no_outcomes:
        MESSAGES.print(refresh_outcomes(session, store, utc_now()))
    CONSOLE.print(f"Data docs: {docs}")
