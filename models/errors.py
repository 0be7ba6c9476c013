"""Errors of fitting and using models; each message is a sentence for the user."""

from settings.errors import UserError


class TooLittleDataError(UserError):
    """There are fewer customers, orders or past windows than the model needs; the message says how many."""


class ChampionError(UserError):
    """There is no champion that can be used; the message says why, and what to do."""


class NoChampionError(ChampionError):
    """No model has been promoted yet, so there is nothing to score with."""


class DamagedChampionError(ChampionError):
    """A file of the champion, or the pointer to it, is missing or damaged; the message names it and the way to repair it."""


class InvalidHistoriesError(UserError):
    """Some purchase histories are impossible; the message says what is wrong and with how many."""


class PluginError(UserError):
    """A candidate of another package, or a name of one, cannot be used; the message says why."""


class NotFittedError(UserError):
    """The model has no parameters, or no data behind them, because `fit` was not called."""
