"""Train: fit every candidate, judge them on past days, and register the winner."""

import math
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from features.tables.schema import Tables
from models.bgnbd_churn import NAME as SHORT_LOG_CHOICE
from models.champion import Champion, Terms
from models.churn_model import ChurnModel
from models.errors import TooLittleData
from models.hybrid_value import HybridValue, HybridValueCandidate
from models.registry import CANDIDATES, VALUE_CANDIDATES
from models.snapshot import Snapshot
from models.value import ValueTerms, fit_spread, value_frame, value_terms
from models.value_baselines import ORDER_MODELS
from settings.sections import Settings
from training.backtest import Backtest, backtest
from training.compare_page import compare_page
from training.grade import graded
from training.leaderboard import leaderboard, winner
from training.material import Material, gather
from training.record import record
from training.snapshots import Progress

ORIGINS = 4
VALUE_QUANTILES = (0.5, 0.8, 0.95, 0.99)


@dataclass(frozen=True)
class Trained:
    """What `train` made: the registered version, whether it is champion, the candidate, the leaderboard."""

    version: str
    is_champion: bool
    candidate: str
    board: dict[str, Any]


def train(settings: Settings, tables: Tables, as_of: date, progress: Progress) -> Trained:
    """Fit, judge, log and register; the first version becomes champion, later ones challenger.

    Raises TooLittleData when no candidate can be fitted on what was known before `as_of`.
    """
    material = gather(settings, tables, as_of, progress)
    result = backtest(material.snapshots, material.tables, CANDIDATES, ORIGINS, progress, VALUE_CANDIDATES)
    board = leaderboard(result, as_of, material.windows.horizon_days, notes=material.notes)
    chosen = winner(board, SHORT_LOG_CHOICE)
    progress("logging to MLflow", 0, 1)
    version, is_champion = record(settings, material, _champion(settings, material, chosen, result, board), result, board)
    progress("logging to MLflow", 1, 1)
    return Trained(version, is_champion, chosen, board)


def compare(settings: Settings, tables: Tables, as_of: date, progress: Progress) -> tuple[dict[str, Any], str]:
    """Return the leaderboard over up to four past days, and the same as an HTML page; nothing is registered."""
    material = gather(settings, tables, as_of, progress)
    result = backtest(material.snapshots, material.tables, CANDIDATES, ORIGINS, progress, VALUE_CANDIDATES)
    board = leaderboard(result, as_of, material.windows.horizon_days, intervals=True, notes=material.notes)
    return board, compare_page(board, result)


def _champion(settings: Settings, material: Material, chosen: str, result: Backtest, board: dict[str, Any]) -> Champion:
    churn = next(candidate for candidate in CANDIDATES if candidate.name == chosen).fit(material.snapshots)
    terms = Terms(
        trained_as_of=material.as_of,
        horizon_days=material.windows.horizon_days,
        active_days=material.windows.active_days,
        loyalty_unit=settings.loyalty.unit,
        loyalty_min_purchases=settings.loyalty.min_purchases,
    )
    grade = graded(result, board, chosen)
    spread = _spread(material.snapshots)
    value = _value_model(material.snapshots, board)
    cuts = _value_cuts(value_terms(settings.value, terms.horizon_days), material, churn, spread, value)
    return Champion(terms, material.norms, churn, material.btyd, spread, cuts, grade, value=value)


def _value_model(snapshots: list[Snapshot], board: dict[str, Any]) -> HybridValue | None:
    """The value hybrid where its deviance is lower than that of the order models alone; else those do."""
    deviances = {entry["candidate"]: entry["tweedie_deviance"] for entry in board["value"]}
    hybrid = HybridValueCandidate()
    if deviances.get(hybrid.name, math.inf) >= deviances.get(ORDER_MODELS.name, math.inf):
        return None
    try:
        return hybrid.fit(snapshots)
    except TooLittleData:
        return None


def _value_cuts(
    terms: ValueTerms, material: Material, churn: ChurnModel, spread: float, value: HybridValue | None
) -> tuple[float, ...]:
    seen = material.btyd.with_columns(material.features, terms.churn_horizon_days)
    ahead = None if value is None else value.expected(seen)
    values = value_frame(material.btyd, seen, churn.p_churn(seen), terms, spread, ahead)["expected_value"]
    return tuple(float(cut) for cut in np.quantile(values.to_numpy(), VALUE_QUANTILES))


def _spread(snapshots: list[Snapshot]) -> float:
    """Shape of spend around its expectation among those who bought, in the newest closed window."""
    if not snapshots:
        return 1.0
    bought = snapshots[-1].frame.filter(pl.col("next_orders") > 0)
    share = 1 - bought["btyd_p_no_order"].to_numpy()
    expected = (bought["btyd_expected_orders"] * bought["btyd_expected_spend"]).to_numpy() / share
    return fit_spread(expected, bought["next_spend"].to_numpy())
