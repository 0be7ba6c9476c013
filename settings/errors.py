"""Mistakes of a user: each is one sentence that says what was found and what to do."""


class UserError(Exception):
    """Something the user can put right. Its text is the whole message; the command line exits with 2."""


class SettingsError(UserError):
    """The configuration is missing, unreadable, has an unknown key or an impossible value."""
