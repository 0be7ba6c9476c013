"""Errors of fitting and using models; each message is a sentence for the user."""

from settings.errors import UserError


class TooLittleDataError(UserError):
    """There are fewer customers, orders or past windows than the model needs; the message says how many."""


class NoChampionError(UserError):
    """No model has been promoted yet, so there is nothing to score with."""


class InvalidHistoriesError(UserError):
    """Some purchase histories are impossible; the message says what is wrong and with how many."""


class NotFittedError(UserError):
    """The model has no parameters, or no data behind them, because `fit` was not called."""
