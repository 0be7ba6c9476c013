"""`score`: score every known customer and publish the run."""

from typing import TYPE_CHECKING, Annotated

import typer

from holdfast.commands.options import DEFAULT_CONFIG, AsOf, Config, DespiteReason, OverrideReason, ParquetFile, Parts
from holdfast.printing.console import CONSOLE, MESSAGES

if TYPE_CHECKING:
    from holdfast.jobs.weekly import ScoringResult

NAME = "score"
EXAMPLE = "score --as-of 2025-06-01 --out scores.parquet"

NoPublish = Annotated[bool, typer.Option("--no-publish", help="Do not write the scores to the store.")]
Hindsight = Annotated[
    bool, typer.Option("--allow-hindsight", help="Accept a champion that was trained on data after the as-of date.")
]


def command(
    config: Config = DEFAULT_CONFIG,
    as_of: AsOf = None,
    out: ParquetFile = None,
    parts: Parts = None,
    no_publish: NoPublish = False,  # noqa: FBT002  # flags of the command line
    allow_hindsight: Hindsight = False,  # noqa: FBT002  # flags of the command line
    override: OverrideReason = None,
    despite: DespiteReason = None,
) -> None:
    """Score every customer known before the as-of date with the champion, and publish the scores as one run."""
    from features.storage.files import atomic_path
    from holdfast.jobs.session import open_session, override_request
    from holdfast.jobs.weekly import score_session
    from holdfast.printing.checks import print_note, warn
    from models.champion import current_champion
    from models.value.portfolio_total import estimate_total
    from serving.pages.value_words import value_parts
    from serving.scoring.batch import refuse_hindsight
    from serving.scoring.contactability import has_consent_column
    from serving.targeting.evidence import trial_sentences, trials_of

    with open_session(config, as_of, override_request(NAME, override, despite)) as session:
        print_note(session.note)
        champion = current_champion(session.settings.workspace.path / "champion")
        if not allow_hindsight:
            refuse_hindsight(champion, session.as_of)
        result = score_session(session, champion, warn, publish_run=not no_publish, parts=parts)
        scores = result.scores
        if out:
            with atomic_path(out) as temporary:
                scores.write_parquet(temporary)
    if not has_consent_column(session.tables):
        MESSAGES.print("There is no customers table with a marketing_consent column: all customers count as having consented.")
    scored = scores["no_score_reason"].null_count()
    unscored = scores.height - scored
    CONSOLE.print(
        f"{scored:,} customers scored as of {session.as_of} with version {champion.version}; {unscored:,} without a score."
    )
    if champion.record is not None:
        CONSOLE.print(champion.record.sentence)
    total, value = estimate_total(scores, champion.gamma_shape, champion.log_total_std), session.settings.value
    CONSOLE.print(
        f"Their expected value over {value.horizon_days} days: {total.expected:z,.0f} {value.currency} "
        f"(80 % interval {total.low:z,.0f} to {total.high:z,.0f})."
    )
    words = value_parts(total.expected, float(scores["value_at_risk"].sum()))
    CONSOLE.print(
        f"If no customer left, it would be {words.if_all_stay:,} {value.currency}: "
        f"{words.expected_loss:,} {value.currency} will probably be lost."
    )
    assumed = [action for action in session.settings.targeting.actions if action.contacts_name not in champion.uplift]
    for sentence in trial_sentences(scores, trials_of(champion.responses, assumed)):
        CONSOLE.print(sentence)
    _print_run(result)


def _print_run(result: "ScoringResult") -> None:
    """Say as which run the scores were published; nothing for unpublished scores."""
    run, current = result.run, result.current
    if run and current:
        note = "" if current == run else f" Run {current.run_id}, as of {current.as_of}, is newer and stays current."
        repeated = "" if result.is_new else " Identical scores were published before."
        CONSOLE.print(f"Published as run {run.run_id}.{repeated}{note}")
