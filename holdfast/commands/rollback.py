"""`rollback`: the former champion comes back."""

from holdfast.options import CONSOLE, DEFAULT_CONFIG, Config

NAME = "rollback"
EXAMPLE = "rollback --config demo/holdfast.toml"


def command(config: Config = DEFAULT_CONFIG) -> None:
    """Make the champion before the current one champion again. Scores are as they were; run `score` for new ones."""
    from settings.load import load_settings
    from training.promotion import rollback

    was, now = rollback(load_settings(config))
    CONSOLE.print(f"Version {now} is champion again, in place of version {was}.")
