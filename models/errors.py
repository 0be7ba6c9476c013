"""Why a model could not be made."""

from settings.errors import UserError


class TooLittleDataError(UserError):  # noqa: N818  # it names the state of the data, as the documentation does
    """There are fewer customers, orders or past windows than the model needs; the text says how many."""


class NoChampionError(UserError):  # noqa: N818  # likewise
    """Scoring was asked for before any model was promoted."""


class InvalidHistoriesError(UserError):  # noqa: N818  # likewise
    """Purchase histories that cannot be: the text says what is wrong with how many of them."""


class NotFittedError(UserError):  # noqa: N818  # likewise
    """A prediction was asked of a model without parameters."""
