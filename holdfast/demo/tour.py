"""The main job, step by step, with what each step found."""

import sys
from pathlib import Path

import polars as pl
from rich.console import Console

from expectations.data_docs.write import write_data_docs
from expectations.validation.tables import utc_now
from holdfast.jobs.session import Session, open_session, output_checker
from holdfast.jobs.weekly import issue_lists, publish_scores
from holdfast.printing.checks import print_reports, warn
from holdfast.printing.lists import print_issued
from holdfast.printing.progress import shown_progress
from holdfast.printing.tables import print_leaderboard, print_list
from models.champion import current_champion
from serving.schemas.list_kind import ListKind
from serving.store.engine import open_store
from training.train import train


def tour(config: Path, console: Console) -> None:
    """Check, train, compare, score, publish and list; print what was found and where everything is."""
    session = open_session(config, None)
    print_reports(console, session.reports)
    with shown_progress(console) as progress:
        trained = train(session.settings, session.tables, session.as_of, progress, guard=output_checker(session.settings, warn))
    print_leaderboard(console, trained.board)
    champion = current_champion(session.settings.workspace.path / "champion")
    scores = publish_scores(session, champion, open_store(session.settings.store_url), warn).scores
    _print_truth(console, config.parent / "simulated_truth.parquet", scores)
    path, shown = _lists(session, console)
    docs = write_data_docs(session.settings, session.reports, utc_now())
    console.print(f"\nScored {scores.height:,} customers as of {session.as_of}; for instance customer {shown}.")
    _print_places(console, config, session, docs, path, shown)


def _lists(session: Session, console: Console) -> tuple[Path, str]:
    """Issue all three; return where the at-risk list is, and its first customer."""
    settings = session.settings
    done = issue_lists(session, open_store(settings.store_url), "demo", warn)
    console.print(f"\nThis week's lists. {done[0].weekly.churn_sentence}")
    for each in done:
        print_issued(console, each.weekly, each.issued, each.path, settings)
    shown = next(each for each in done if each.weekly.kind is ListKind.AT_RISK)
    print_list(console, shown.rows, settings.value.currency)
    return shown.path, str(shown.rows.get_column("customer_id").first())


def _print_truth(console: Console, truth: Path, scores: pl.DataFrame) -> None:
    """On the simulated shop, compare p_churn with the probabilities that the simulation itself used."""
    if not truth.exists():
        return
    both = scores.drop_nulls("p_churn").join(pl.read_parquet(truth), on="customer_id")
    kinds = both.filter(pl.col("loyalty_segment") != "undetermined")
    true = pl.col("true_p_churn")
    found = both.select(
        loss=_expected_loss(true, pl.col("p_churn")) / _expected_loss(true, true) - 1,
        error=(pl.col("p_churn") - pl.col("true_p_churn")).abs().mean(),
        mean=pl.col("p_churn").mean(),
        true=pl.col("true_p_churn").mean(),
        right=pl.lit((kinds["loyalty_segment"] == kinds["loyalty_type"]).mean()),
    ).row(0, named=True)
    console.print(
        f"Against the simulation's own truth: mean distance of p_churn {found['error']:.3f} (mean {found['mean']:.3f}, "
        f"true {found['true']:.3f}), log-loss {found['loss']:.0%} above that of one who knows each customer's own rates; "
        f"loyalty type right for {found['right']:.0%} of the {kinds.height:,} customers who show one."
    )


def _expected_loss(true: pl.Expr, foretold: pl.Expr) -> pl.Expr:
    """The mean logarithmic loss to expect of foretold probabilities when the true ones are known."""
    p = foretold.clip(1e-6, 1 - 1e-6)
    return -(true * p.log() + (1 - true) * (1 - p).log()).mean()


def _python() -> str:
    """Name the running interpreter as one would type it here."""
    program = Path(sys.executable)
    return str(program.relative_to(Path.cwd())) if program.is_relative_to(Path.cwd()) else str(program)


def _print_places(console: Console, config: Path, session: Session, docs: Path, path: Path, shown: str) -> None:
    settings = session.settings
    places = {
        "configuration": config,
        "data docs": docs,
        "quarantine": settings.workspace.path / "quarantine",
        "champion": settings.workspace.path / "champion",
        "scores": settings.store_url,
        "this week's list": path,
        "MLflow runs": settings.mlflow_uri,
    }
    for name, place in places.items():
        console.print(f"  {name:<17} {place}", markup=False)
    body = f'{{"customer_ids": ["{shown}"]}}'
    console.print(f"\nMake a key:        {_python()} -m holdfast keys create --client me --scope score,list --config {config}")
    console.print(f"Serve the scores:  {_python()} -m holdfast serve --config {config}")
    asked = f"curl -s localhost:3000/score -H 'authorization: Bearer <key>' -H 'content-type: application/json' -d '{body}'"
    console.print(f"Then ask for one:  {asked}", markup=False)
