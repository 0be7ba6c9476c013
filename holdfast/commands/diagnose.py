"""`diagnose`: test how well the order models fit, and whether their assumptions hold."""

import json
from typing import Annotated

import typer

from holdfast.commands.options import DEFAULT_CONFIG, AsOf, Config
from holdfast.printing.console import CONSOLE

NAME = "diagnose"
EXAMPLE = "diagnose --holdout-days 180"

Holdout = Annotated[
    int | None,
    typer.Option(
        "--holdout-days", min=7, metavar="N", help="Hold out the last N days. Default: a third of the log, at most 365."
    ),
]


def command(config: Config = DEFAULT_CONFIG, as_of: AsOf = None, holdout_days: Holdout = None) -> None:
    """Fit the order models without the last days, compare their forecast with those days, and test their assumptions."""
    from features.storage.files import atomic_path
    from holdfast.jobs.session import open_session
    from holdfast.printing.checks import print_note
    from holdfast.printing.tables import print_order_fit
    from training.evaluation.order_model_fit import fit_order_models
    from training.reports.order_model_charts import draw_order_fit

    with open_session(config, as_of) as session:
        print_note(session.note)
        fit = fit_order_models(session.tables, session.as_of, holdout_days)
    folder = session.settings.workspace.path / "diagnosis" / str(session.as_of)
    draw_order_fit(fit, folder / "order_models.png")
    with atomic_path(folder / "order_models.json") as temporary:
        temporary.write_text(json.dumps(fit.to_json(), indent=2, allow_nan=False) + "\n", encoding="utf-8")
    print_order_fit(CONSOLE, fit)
    CONSOLE.print(f"Charts of the fit: {folder / 'order_models.png'}")
    CONSOLE.print(f"All figures: {folder / 'order_models.json'}")
