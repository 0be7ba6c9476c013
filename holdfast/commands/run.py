"""`run`: the weekly job."""

from typing import Annotated

import typer

from holdfast.commands.options import DEFAULT_CONFIG, Config, DespiteReason, OverrideReason
from holdfast.printing.console import CONSOLE, MESSAGES

NAME = "run"
EXAMPLE = "run --config /srv/holdfast/holdfast.toml"
SUFFIXES = (".csv", ".xlsx", ".parquet")

Week = Annotated[
    str | None,
    typer.Option("--week", help="ISO week of the lists, e.g. 2026-W47. Default: the week of the day after the newest order."),
]
Details = Annotated[bool, typer.Option("--details", help="Add the details of [columns.customers], such as names, to the files.")]
NoOutcomes = Annotated[bool, typer.Option("--no-outcomes", help="Do not measure what earlier lists earned.")]


def command(
    config: Config = DEFAULT_CONFIG,
    week: Week = None,
    no_outcomes: NoOutcomes = False,  # noqa: FBT002  # a flag of the command line
    details: Details = False,  # noqa: FBT002  # likewise
    override: OverrideReason = None,
    despite: DespiteReason = None,
) -> None:
    """Run the weekly job: check the tables, publish scores, issue all lists, and measure what earlier lists earned.

    Only one job runs at a time; a second one is refused. After a crash, run it again: it keeps what was already published
    or issued, and completes the rest. The lists are written to lists/ in the workspace, as CSV, XLSX and Parquet.
    """
    from expectations.data_docs.write import write_data_docs
    from holdfast.jobs.outcomes import summarise_outcomes
    from holdfast.jobs.session import open_session, override_request
    from holdfast.jobs.small_shop import has_repeat_buyers, write_small_shop_list
    from holdfast.jobs.weekly import issue_lists, score_session
    from holdfast.printing.checks import print_note, print_reports, warn
    from holdfast.printing.lists import print_issued, print_small_shop
    from models.champion import current_champion
    from models.errors import NoChampionError
    from serving.schemas.iso_weeks import sunday_of
    from serving.scoring.batch import refuse_hindsight
    from settings.clock import utc_now

    if week is not None:
        sunday_of(week)
    with open_session(config, None, override_request(NAME, override, despite)) as session:
        settings = session.settings
        print_reports(CONSOLE, session.reports)
        print_note(session.note)
        docs = write_data_docs(settings, session.reports, utc_now())
        try:
            champion = current_champion(settings.workspace.path / "champion")
        except NoChampionError:
            if has_repeat_buyers(session):
                raise
            print_small_shop(CONSOLE, *write_small_shop_list(session))
            return
        refuse_hindsight(champion, session.as_of)
        result = score_session(session, champion, warn)
        published = "published as" if result.is_new else "identical to"
        run_id = result.run.run_id if result.run else "-"
        CONSOLE.print(f"{result.scores.height:,} customers scored as of {session.as_of}, {published} run {run_id}.")
        for file in issue_lists(session, f"command {NAME}", warn, SUFFIXES, week, details=details):
            print_issued(CONSOLE, file.weekly, file.issued, file.counting, file.path, settings)
        if not no_outcomes:
            MESSAGES.print(summarise_outcomes(session, utc_now()))
    CONSOLE.print(f"Data docs: {docs}")
