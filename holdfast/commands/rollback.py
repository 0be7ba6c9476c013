"""`rollback`: the former champion comes back."""

from holdfast.commands.options import DEFAULT_CONFIG, Config
from holdfast.printing.console import CONSOLE

NAME = "rollback"
EXAMPLE = "rollback --config demo/holdfast.toml"


def command(config: Config = DEFAULT_CONFIG) -> None:
    """Make the champion before the current one champion again. Scores are as they were; run `score` for new ones."""
    from settings.load import load_settings
    from training.registry.promotion import rollback

    was, now = rollback(load_settings(config))
    CONSOLE.print(f"Version {now} is champion again, in place of version {was}.")
