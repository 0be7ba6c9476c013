"""`rollback`: return to the previous champion."""

from holdfast.commands.options import DEFAULT_CONFIG, Config
from holdfast.printing.console import CONSOLE

NAME = "rollback"
EXAMPLE = "rollback --config demo/holdfast.toml"


def command(config: Config = DEFAULT_CONFIG) -> None:
    """Make the previous champion the champion again. Published scores do not change; run `score` for new ones."""
    from settings.load import load_settings
    from training.registry.promotion import rollback

    replaced, restored = rollback(load_settings(config))
    CONSOLE.print(f"Version {restored} is champion again, in place of version {replaced}.")
