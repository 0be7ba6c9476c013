"""`score`: score every known customer and publish the run."""

from typing import Annotated

import typer

from holdfast.commands.options import DEFAULT_CONFIG, AsOf, Config, DespiteReason, ParquetFile
from holdfast.printing.console import CONSOLE, MESSAGES

NAME = "score"
EXAMPLE = "score --as-of 2025-06-01 --out scores.parquet"

NoPublish = Annotated[bool, typer.Option("--no-publish", help="Leave the score store alone.")]
Hindsight = Annotated[bool, typer.Option("--allow-hindsight", help="Accept a champion that knew data after the as-of date.")]


def command(
    config: Config = DEFAULT_CONFIG,
    as_of: AsOf = None,
    out: ParquetFile = None,
    no_publish: NoPublish = False,  # noqa: FBT002  # flags of the command line
    allow_hindsight: Hindsight = False,  # noqa: FBT002  # flags of the command line
    despite: DespiteReason = None,
) -> None:
    """Score every customer known before the date with the champion, and publish the run in one step."""
    from features.storage.files import atomic_path
    from holdfast.jobs.session import open_session, override_of, suppressed_ids
    from holdfast.jobs.weekly import publish_scores
    from holdfast.printing.checks import warn
    from models.champion import current_champion
    from models.value.portfolio_total import total_value
    from serving.scoring.batch import refuse_hindsight
    from serving.scoring.contactability import tells_consent
    from serving.store.engine import open_store

    session = open_session(config, as_of, override_of(NAME, despite))
    champion = current_champion(session.settings.workspace.path / "champion")
    if not allow_hindsight:
        refuse_hindsight(champion, session.as_of)
    store = None if no_publish else open_store(session.settings.store_url)
    published = publish_scores(session, champion, store, warn, suppressed_ids(session.settings))
    scores = published.scores
    if not tells_consent(session.tables):
        MESSAGES.print("No table tells marketing_consent: every customer counts as willing to be contacted.")
    if out:
        with atomic_path(out) as beside:
            scores.write_parquet(beside)
    scored = scores["no_score_reason"].null_count()
    without = scores.height - scored
    CONSOLE.print(
        f"{scored:,} customers scored as of {session.as_of} by version {champion.version}; {without:,} without a score."
    )
    total, value = total_value(scores, champion.gamma_shape, champion.log_total_std), session.settings.value
    CONSOLE.print(
        f"Expected of them over {value.horizon_days} days: {total.expected:,.0f} {value.currency}, "
        f"with 80 % probability between {total.low:,.0f} and {total.high:,.0f}."
    )
    run, newest = published.run, published.current
    if run and newest:
        note = "" if newest == run else f" Run {newest.run_id}, as of {newest.as_of}, is newer and stays current."
        again = "" if published.is_new else " The very same scores were published before."
        CONSOLE.print(f"Published as run {run.run_id}.{again}{note}")
