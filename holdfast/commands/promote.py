"""`promote`: the challenger becomes champion."""

from typing import Annotated

import typer

from holdfast.options import CONSOLE, DEFAULT_CONFIG, Config

NAME = "promote"
EXAMPLE = "promote 2"

Version = Annotated[str | None, typer.Argument(help="A version of the registry. Default: the challenger.")]


def command(version: Version = None, config: Config = DEFAULT_CONFIG) -> None:
    """Make a registered version the champion, after its backtest was found to beat the recency rule."""
    from settings.load import load_settings
    from training.promotion import promote

    CONSOLE.print(f"Version {promote(load_settings(config), version)} is champion.")
