"""How well a champion did on past days that it had not seen, and what may be promised on that ground."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

MIN_ORIGINS, MIN_ROWS, MIN_OF_A_KIND = 2, 300, 30  # for more than weak evidence
CHANCE, USEFUL_AUC = 0.5, 0.6


class Standing(StrEnum):
    """What past days say about a champion's ranking of customers.

    tested: it ranks better than chance, on two past days or more. weak evidence: so it does, on one day or few customers. never
    tested: there was no past day, or too few customers for an answer. cannot rank: the interval of its AUC includes one half.
    """

    TESTED = "tested"
    WEAK = "weak evidence"
    NEVER = "never tested"
    CANNOT_RANK = "cannot rank"


@dataclass(frozen=True)
class TrackRecord:
    """The churn forecasts of a candidate on past days, each without what came after it.

    `origins` is the number of days, `rows` that of customer windows, `churned` of those that churned. `auc` is the mean over
    days, with its 95 % interval over customers; None without a day.
    """

    horizon_days: int
    origins: int = 0
    rows: int = 0
    churned: int = 0
    auc: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def standing(self) -> Standing:
        """What the record says."""
        if not self.origins or self.low is None:
            return Standing.NEVER
        if self.low <= CHANCE:
            return Standing.NEVER if self._says_nothing else Standing.CANNOT_RANK
        return Standing.WEAK if self.origins < MIN_ORIGINS or self._is_small else Standing.TESTED

    @property
    def _is_small(self) -> bool:
        return self.rows < MIN_ROWS or min(self.churned, self.rows - self.churned) < MIN_OF_A_KIND

    @property
    def _says_nothing(self) -> bool:
        """Whether so few customers were tested that their interval holds both chance and a useful ranking."""
        return self._is_small and self.high is not None and self.high > USEFUL_AUC

    @property
    def supports_gains(self) -> bool:
        """Whether a gain in money may be stated: the customers at risk were found better than by chance."""
        return self.standing in {Standing.TESTED, Standing.WEAK}

    @property
    def interval(self) -> str:
        """The AUC and its interval in words; there must be a past day."""
        return f"{self.auc:.2f} [{self.low:.2f}, {self.high:.2f}]"

    @property
    def sentence(self) -> str:
        """The standing with its figures, in words."""
        if self.standing is Standing.NEVER and not self.origins:
            return (
                "Never tested: the log has no past day with enough customers and a closed window after it, so how well these "
                "forecasts hold is unknown. No gain is promised."
            )
        days = "one past day" if self.origins == 1 else f"{self.origins} past days"
        windows = f"{self.rows:,} customer windows of {self.horizon_days} days from {days}"
        figures = f"AUC {self.interval}"
        if self.standing is Standing.NEVER:
            return (
                f"Never tested on enough customers: on {windows}, {figures}, which may be chance (0.50) or a useful ranking. No "
                "gain is promised."
            )
        if self.standing is Standing.CANNOT_RANK:
            return (
                f"Cannot rank: on {windows}, {figures}, no better than chance (0.50). Who is at risk is not known, only how "
                "many. No gain is promised."
            )
        return f"{self.standing.value.capitalize()} on {windows}: {figures}."

    def to_json(self) -> dict[str, Any]:
        """Return the record as data, with its standing and sentence for readers."""
        return asdict(self) | {"standing": self.standing.value, "sentence": self.sentence}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Rebuild a record from `to_json`."""
        return cls(**{name: data[name] for name in cls.__dataclass_fields__})
