"""MBG/NBD: as BG/NBD, but a customer may drop out after the very first order too.

Batislam, Denizel and Filiztekin (2007), Empirical validation and comparison of models for customer base analysis,
International Journal of Research in Marketing 24(3), doi:10.1016/j.ijresmar.2006.12.005, and, as CBG/NBD, Hoppe and Wagner
(2007), Customer Base Analysis: The Case for a Central Variant of the Betageometric/NBD Model, Marketing ZFP 29.
"""

from dataclasses import dataclass
from typing import ClassVar

from models.btyd.bgnbd import BGNBD


@dataclass(frozen=True)
class MBGNBD(BGNBD):
    """An MBG/NBD; `MBGNBD().fit(frame)` returns a fitted one. r, a and b have no unit, alpha the time unit of the data.

    P(alive) of a customer without a repeat purchase falls with the time since the first. One-time buyers may be told by
    slow rates or by many who leave at once: the likelihood often has a maximum for each, and both are looked for.
    """

    LIFETIMES: ClassVar[str] = "ModifiedBetaGeoFitter"
    FIRST_COUNTS: ClassVar[int] = 1
    ALWAYS_TRIED: ClassVar[int] = 2
    STARTS: ClassVar[tuple[tuple[float, float, float], ...]] = (
        (0.3, 0.5, 3.0),
        (0.6, 0.3, 0.2),
        (0.2, 1.0, 1.0),
        (5.0, 1.0, 20.0),
    )
