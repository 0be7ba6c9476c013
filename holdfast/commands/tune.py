"""`tune`: search for better parameters of the trees."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from holdfast.commands.options import DEFAULT_CONFIG, AsOf, Config
from holdfast.printing.console import CONSOLE

NAME = "tune"
EXAMPLE = "tune --trials 40 --minutes 20 --out trees.json"

Trials = Annotated[int, typer.Option(min=1, help="How many sets of parameters to try in all; a search goes on where it ended.")]
Minutes = Annotated[float | None, typer.Option(min=0, help="Stop after so many minutes, whatever has been tried by then.")]
Seed = Annotated[int, typer.Option(help="The same seed, data and trials find the same.")]
Out = Annotated[Path | None, typer.Option(help="Write the parameters to this JSON file, for `train --trees`.")]


def command(
    config: Config = DEFAULT_CONFIG,
    as_of: AsOf = None,
    trials: Trials = 40,
    minutes: Minutes = None,
    seed: Seed = 1,
    out: Out = None,
) -> None:
    """Search for better parameters of the hybrid's trees on older past days, and judge them on the newest.

    The defaults are good; what is found is written only where it is better by more than chance on a day it was not chosen by.
    """
    from features.storage.files import atomic_path
    from holdfast.jobs.session import open_session
    from holdfast.printing.progress import shown_progress
    from models.trees.training import TreeParams
    from training.tune import tune

    session = open_session(config, as_of)
    with shown_progress(CONSOLE) as progress:
        found = tune(session.settings, session.tables, session.as_of, progress, trials, minutes, seed)
    days = ", ".join(str(day) for day in found.searched)
    losses = f"log-loss of the defaults {found.default_searched:.4f}, of the best {found.found_searched:.4f}"
    CONSOLE.print(f"{found.trials} trials on {days}; {losses}.")
    if found.trees == TreeParams():
        CONSOLE.print("The defaults are the best of them.")
        return
    low, high = found.interval
    CONSOLE.print(
        f"Judged on {found.judged}: defaults {found.default_judged:.4f}, best {found.found_judged:.4f}; "
        f"the difference lies between {low:+.4f} and {high:+.4f}."
    )
    if not found.holds:
        CONSOLE.print("That is not better by more than chance: the defaults stay.")
        return
    CONSOLE.print(f"Better by more than chance: {json.dumps(asdict(found.trees))}")
    if out:
        with atomic_path(out) as beside:
            beside.write_text(json.dumps(asdict(found.trees), indent=2) + "\n", encoding="utf-8")
        CONSOLE.print(f"Train with them: train --trees {out}")
