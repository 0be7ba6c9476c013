"""Errors that a user can correct: each is one sentence that says what was found and what to do."""

from settings.urls import hide_credentials

MAX_QUOTE_LENGTH = 200


class UserError(Exception):
    """Something the user can correct. Its text is the whole message; the command line exits with 2."""


class SettingsError(UserError):
    """The configuration is missing, unreadable, has an unknown key or an impossible value."""


def first_line(error: Exception) -> str:
    """Return the first line of a library's error message, without its closing stop and without credentials."""
    line = hide_credentials(str(getattr(error, "orig", None) or error)).strip().partition("\n")[0]
    return "".join(character for character in line if character.isprintable())[:MAX_QUOTE_LENGTH].rstrip(".: ")
