"""Run the whole job on a demo shop, and print the result of each step."""

import sys
from pathlib import Path

import polars as pl
from rich.console import Console

from expectations.data_docs.write import write_data_docs
from holdfast.jobs.session import Session, open_session, output_checker
from holdfast.jobs.weekly import issue_lists, score_session
from holdfast.printing.checks import print_reports, warn
from holdfast.printing.lists import print_issued
from holdfast.printing.progress import show_progress
from holdfast.printing.tables import print_leaderboard, print_list
from models.champion import current_champion
from serving.schemas.list_kind import ListKind
from settings.clock import utc_now
from settings.urls import hide_credentials
from training.train import train


def run_tour(config: Path, console: Console) -> None:
    """Check, train, compare, score and issue lists; print the results, where they are, and what to do next."""
    with open_session(config, None) as session:
        print_reports(console, session.reports)
        check = output_checker(session.settings, warn)
        with show_progress(console) as progress:
            trained = train(session.settings, session.tables, session.as_of, progress, check_output=check)
        print_leaderboard(console, trained.board)
        champion = current_champion(session.settings.workspace.path / "champion")
        scores = score_session(session, champion, warn).scores
        _print_truth(console, config.parent / "simulated_truth.parquet", scores)
        list_path, customer_id = _issue_lists(session, console)
    docs = write_data_docs(session.settings, session.reports, utc_now())
    console.print(f"\nScored {scores.height:,} customers as of {session.as_of}, for example customer {customer_id}.")
    _print_places(console, config, session, docs, list_path)
    _print_next_steps(console, config, customer_id)


def _issue_lists(session: Session, console: Console) -> tuple[Path, str]:
    """Issue and print all lists; return the file of the at-risk list and its first customer."""
    files = issue_lists(session, "demo", warn)
    console.print(f"\nThis week's lists. {files[0].weekly.churn_sentence}")
    for file in files:
        print_issued(console, file.weekly, file.issued, file.counting, file.path, session.settings)
    at_risk = next(file for file in files if file.weekly.kind is ListKind.AT_RISK)
    is_assumed = at_risk.weekly.summary["evidence"]["is_assumed"]
    print_list(console, at_risk.rows, session.settings.value.currency, is_assumed=is_assumed)
    return at_risk.path, str(at_risk.rows.get_column("customer_id").first())


def _print_truth(console: Console, truth: Path, scores: pl.DataFrame) -> None:
    """Compare p_churn with the true probabilities of the simulation; print nothing for a real shop."""
    if not truth.exists():
        return
    joined = scores.drop_nulls("p_churn").join(pl.read_parquet(truth), on="customer_id")
    typed = joined.filter(pl.col("loyalty_segment") != "undetermined")
    p, true_p = pl.col("p_churn"), pl.col("true_p_churn")
    figures = joined.select(
        excess_loss=_expected_log_loss(true_p, p) / _expected_log_loss(true_p, true_p) - 1,
        error=(p - true_p).abs().mean(),
        mean=p.mean(),
        true_mean=true_p.mean(),
        accuracy=pl.lit((typed["loyalty_segment"] == typed["loyalty_type"]).mean()),
    ).row(0, named=True)
    console.print(
        f"Compared with the true probabilities of the simulation: mean absolute error of p_churn {figures['error']:z.3f} "
        f"(mean {figures['mean']:z.3f}, true mean {figures['true_mean']:z.3f}); expected log-loss {figures['excess_loss']:z.0%} "
        f"above the minimum. The loyalty segment is correct for {figures['accuracy']:z.0%} of the {typed.height:,} customers "
        "who have one."
    )


def _expected_log_loss(true_p: pl.Expr, predicted: pl.Expr) -> pl.Expr:
    """Return the mean log-loss to expect of predicted probabilities, given the true ones."""
    p = predicted.clip(1e-6, 1 - 1e-6)
    return -(true_p * p.log() + (1 - true_p) * (1 - p).log()).mean()


def _program() -> str:
    """Return the launcher beside the running interpreter, relative to the current folder if it is below it."""
    launcher = Path(sys.executable).with_name("holdfast")
    if not launcher.exists():
        return f"{sys.executable} -m holdfast"
    return str(launcher.relative_to(Path.cwd())) if launcher.is_relative_to(Path.cwd()) else str(launcher)


def _print_places(console: Console, config: Path, session: Session, docs: Path, list_path: Path) -> None:
    settings = session.settings
    places = {
        "configuration": config,
        "data docs": docs,
        "quarantine": settings.workspace.path / "quarantine",
        "champion": settings.workspace.path / "champion",
        "scores": hide_credentials(settings.store_url),
        "at-risk list": list_path,
        "MLflow runs": hide_credentials(settings.mlflow_uri),
    }
    for name, place in places.items():
        console.print(f"  {name:<14} {place}", markup=False)


def _print_next_steps(console: Console, config: Path, customer_id: str) -> None:
    body = f'{{"customer_ids": ["{customer_id}"]}}'
    request = f"curl -s localhost:3000/score -H 'authorization: Bearer <key>' -H 'content-type: application/json' -d '{body}'"
    program = _program()
    console.print(f"\nCreate a key:     {program} keys create --client me --scope score,list --config {config}", markup=False)
    console.print(f"Serve scores:     {program} serve --config {config}", markup=False)
    console.print(f"Request a score:  {request}", markup=False)
