"""MBG/NBD: like BG/NBD, but a customer may also drop out after the first order.

Batislam, Denizel and Filiztekin (2007), Empirical validation and comparison of models for customer base analysis,
International Journal of Research in Marketing 24(3), doi:10.1016/j.ijresmar.2006.12.005, and, as CBG/NBD, Hoppe and Wagner
(2007), Customer Base Analysis: The Case for a Central Variant of the Betageometric/NBD Model, Marketing ZFP 29.
"""

from dataclasses import dataclass
from typing import ClassVar

from models.btyd.bgnbd import BGNBD


@dataclass(frozen=True, repr=False)
class MBGNBD(BGNBD):
    """MBG/NBD; `MBGNBD().fit(frame)` returns a fitted model. r, a and b have no unit, alpha has the time unit of the data.

    P(alive) of a customer without a repeat purchase falls with the time since the first. One-time buyers can be explained by
    low order rates or by many customers who leave after the first order. The likelihood often has a maximum for each
    explanation, so the fit searches for both.

    >>> import polars as pl
    >>> from models.btyd import MBGNBD
    >>> frame = pl.DataFrame(
    ...     {
    ...         "frequency": [0, 0, 1, 1, 2, 3, 5, 9],
    ...         "recency": [0, 0, 290, 150, 40, 80, 280, 190],
    ...         "T": [300, 365, 365, 365, 200, 100, 300, 200],
    ...         "weight": [80, 110, 40, 30, 70, 10, 30, 60],
    ...     }
    ... )
    >>> model = MBGNBD().fit(frame)
    >>> model.p_alive(frame).round(2).to_list()
    [0.4, 0.38, 0.83, 0.66, 0.34, 0.89, 0.94, 0.96]
    >>> model.expected_orders(frame, 90).round(2).to_list()
    [0.06, 0.05, 0.29, 0.23, 0.33, 2.02, 1.38, 3.4]
    """

    LIFETIMES_FITTER: ClassVar[str] = "ModifiedBetaGeoFitter"
    FIRST_ORDER_COUNTS: ClassVar[int] = 1
    REQUIRED_STARTS: ClassVar[int] = 2
    STARTS: ClassVar[tuple[tuple[float, float, float], ...]] = (
        (0.3, 0.5, 3.0),
        (0.6, 0.3, 0.2),
        (0.2, 1.0, 1.0),
        (5.0, 1.0, 20.0),
    )
