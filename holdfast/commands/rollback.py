"""`rollback`: return to the previous champion."""

from holdfast.commands.options import DEFAULT_CONFIG, Config
from holdfast.printing.console import CONSOLE, MESSAGES

NAME = "rollback"
EXAMPLE = "rollback --config demo/holdfast.toml"


def command(config: Config = DEFAULT_CONFIG) -> None:
    """Make the previous champion the champion again. Published scores do not change; run `score` for new ones."""
    from settings.load import load_settings
    from training.registry.promotion import confirm, rollback

    settings = load_settings(config)
    done = rollback(settings)
    for note in done.notes:
        MESSAGES.print(note)
    replaced = "one that cannot be read" if done.replaced is None else f"version {done.replaced}"
    CONSOLE.print(f"Version {done.restored} is champion again, in place of {replaced}.")
    confirm(settings)
