"""`tune`: search for better tree parameters."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from holdfast.commands.options import DEFAULT_CONFIG, AsOf, Config
from holdfast.printing.console import CONSOLE

NAME = "tune"
EXAMPLE = "tune --trials 40 --minutes 20 --out trees.json"

Trials = Annotated[
    int, typer.Option(min=1, help="Total number of parameter sets to try, including those of an earlier, interrupted search.")
]
Minutes = Annotated[float | None, typer.Option(min=0, help="Stop the search after this many minutes.")]
Seed = Annotated[int, typer.Option(help="Random seed. The same seed, data and number of trials give the same result.")]
Out = Annotated[Path | None, typer.Option(help="Write the parameters to this JSON file, for `train --trees`.")]


def command(
    config: Config = DEFAULT_CONFIG,
    as_of: AsOf = None,
    trials: Trials = 40,
    minutes: Minutes = None,
    seed: Seed = 1,
    out: Out = None,
) -> None:
    """Search for better parameters of the hybrid's trees on older past dates, and test them on the newest one.

    The defaults are good. New parameters are written only if they are significantly better (95 %) on the test date, which the
    search does not use.
    """
    from features.storage.files import atomic_path
    from holdfast.jobs.session import open_session
    from holdfast.printing.checks import print_note
    from holdfast.printing.progress import show_progress
    from models.trees.training import TreeParams
    from training.tune import tune

    with open_session(config, as_of) as session, show_progress(CONSOLE) as progress:
        print_note(session.note)
        result = tune(session.settings, session.tables, session.as_of, progress, trials=trials, minutes=minutes, seed=seed)
    days = ", ".join(str(day) for day in result.search_origins)
    losses = f"log-loss of the defaults {result.default_search_loss:z.4f}, of the best parameters {result.best_search_loss:z.4f}"
    CONSOLE.print(f"{result.trials} trials on {days}; {losses}.")
    if result.trees == TreeParams():
        CONSOLE.print("No trial was better than the defaults.")
        return
    low, high = result.interval
    CONSOLE.print(
        f"Test on {result.test_origin}: log-loss of the defaults {result.default_test_loss:z.4f}, "
        f"of the best parameters {result.best_test_loss:z.4f}; "
        f"95 % interval of the difference {low:+z.4f} to {high:+z.4f}."
    )
    if not result.is_better:
        CONSOLE.print("The difference is not significant at 95 %: keep the defaults.")
        return
    CONSOLE.print(f"Significantly better (95 %): {json.dumps(asdict(result.trees))}")
    if out:
        with atomic_path(out) as temporary:
            temporary.write_text(json.dumps(asdict(result.trees), indent=2) + "\n", encoding="utf-8")
        CONSOLE.print(f"To train with these parameters: train --trees {out}")
