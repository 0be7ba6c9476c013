"""From training data to a champion: the contest of all candidates on past days, and the final fits of its winners."""

from typing import Any, NamedTuple

import numpy as np
import polars as pl

from models.btyd.pair import BuyTillYouDie
from models.champion import Champion, ChampionTerms
from models.churn.order_average import NAME as UNTESTED_CHOICE
from models.churn.probability_interval import log_odds_std
from models.churn.protocol import Candidate, ChurnModel
from models.errors import TooLittleDataError
from models.registry import BASELINE, CANDIDATES, VALUE_LEARNERS, find_candidate
from models.snapshot import Snapshot
from models.value.baselines import ORDER_MODELS
from models.value.hybrid import NAME as HYBRID_VALUE
from models.value.lifetime_value import ValueTerms, fit_gamma_shape, value_frame, value_terms
from models.value.portfolio_total import level_std
from models.value.protocol import SavedValueModel
from models.value.value_interval import ValueInterval, fit_value_interval
from settings.sections import Settings
from training.contestants import Contestants
from training.data.progress import Progress
from training.data.training_data import TrainingData
from training.evaluation.backtest import backtest
from training.evaluation.backtest_metrics import backtest_metrics, reliability_table
from training.evaluation.backtest_result import Backtest
from training.evaluation.choice import choose_candidate
from training.evaluation.leaderboard import leaderboard
from training.evaluation.order_dates import fit_order_dates
from training.evaluation.past_forecasts import PastForecasts, past_forecasts
from training.evaluation.track_record import track_record

ALL_CONTESTANTS = Contestants()
VALUE_QUANTILES = (0.5, 0.8, 0.95, 0.99)


class Contest(NamedTuple):
    """All candidates on past days: the backtest, its leaderboard, and the churn candidate that won."""

    result: Backtest
    board: dict[str, Any]
    chosen: Candidate


def hold_contest(data: TrainingData, progress: Progress, contestants: Contestants = ALL_CONTESTANTS) -> Contest:
    """Evaluate the contestants on past days, and choose the churn candidate that is to serve."""
    result = backtest(data.snapshots, data.tables, contestants, progress)
    board = leaderboard(result, data.as_of, data.windows.horizon_days, notes=data.notes)
    may_serve = [candidate.name for candidate in contestants.churn if candidate.name not in contestants.never_serving]
    chosen = choose_candidate(result, "p:", may_serve, BASELINE.name) or UNTESTED_CHOICE
    return Contest(result, board, find_candidate(chosen, (*contestants.churn, *CANDIDATES)))


def fit_champion(settings: Settings, data: TrainingData, contest: Contest) -> Champion:
    """Return the champion of a training; the effects of its actions are the assumed ones."""
    result, board, chosen = contest
    current = data.btyd.with_columns(data.features, data.windows.horizon_days)
    churn = chosen.fit(data.snapshots, current)
    terms = ChampionTerms(
        trained_as_of=data.as_of,
        horizon_days=data.windows.horizon_days,
        active_days=data.windows.active_days,
        loyalty_unit=settings.loyalty.unit,
        loyalty_min_purchases=settings.loyalty.min_purchases,
    )
    gamma_shape = fit_spend_gamma_shape(data.snapshots)
    value = _value_model(data.snapshots, current, result)
    cuts = _value_cuts(value_terms(settings.value, terms.horizon_days), data.btyd, current, churn, value)
    forecasts = past_forecasts(result, data.snapshots, chosen.name, None if value is None else value.name)
    interval = _value_interval(gamma_shape, forecasts)
    return Champion(
        terms=terms,
        norms=data.norms,
        churn=churn,
        btyd=data.btyd,
        gamma_shape=gamma_shape,
        value_cuts=cuts,
        log_total_std=_log_total_std(board, ORDER_MODELS.name if value is None else value.name),
        backtest_metrics=backtest_metrics(result, board, chosen.name),
        value=value,
        reliability=reliability_table(result, chosen.name),
        record=track_record(result, chosen.name, terms.horizon_days),
        base_rate=_base_rate(current, churn),
        shop_gap_days=_shop_gap(current),
        value_levels=(interval.low_level, interval.high_level),
        churn_std=log_odds_std((day.frame["p_churn"].to_numpy(), day.frame["churned"].to_numpy()) for day in forecasts),
        dates=fit_order_dates(data.tables, current, forecasts, data.as_of, terms.horizon_days),
    )


def _shop_gap(current: pl.DataFrame) -> float | None:
    """Return the median over repeat buyers of their usual days between orders; None without one."""
    gaps = current.filter(pl.col("frequency") > 0)["gap_median"].cast(pl.Float64)
    return None if gaps.is_empty() else float(np.median(gaps.to_numpy()))


def _base_rate(current: pl.DataFrame, churn: ChurnModel) -> float:
    """Return the mean p_churn of existing customers, or of all where there is none."""
    p_churn, existing = churn.p_churn(current).to_numpy(), (current["status"] == "existing").to_numpy()
    return float((p_churn[existing] if existing.any() else p_churn).mean())


def _log_total_std(board: dict[str, Any], candidate: str) -> float:
    entries = [entry for entry in board["value"] if entry["candidate"] == candidate]
    biases = [metrics["bias"] for entry in entries for metrics in entry["by_origin"].values()]
    return level_std(bias for bias in biases if bias is not None)


def _value_model(snapshots: list[Snapshot], current: pl.DataFrame, result: Backtest) -> SavedValueModel | None:
    """Return the value model that is to serve; None where it is that of the order models, or there is no backtest."""
    servable = {learner.name: learner for learner in VALUE_LEARNERS}
    preferred = [ORDER_MODELS.name, HYBRID_VALUE, *servable]  # the simplest, then the one that predicts a distribution too
    tested = set(result.candidates("value:"))
    may_serve = [name for name in dict.fromkeys(preferred) if name in tested]
    chosen = choose_candidate(result, "value:", may_serve, ORDER_MODELS.name)
    if chosen is None or chosen == ORDER_MODELS.name:
        return None
    try:
        return servable[chosen].fit(snapshots, current)
    except TooLittleDataError:
        return None


def _value_cuts(
    terms: ValueTerms,
    btyd: BuyTillYouDie,
    current: pl.DataFrame,
    churn: ChurnModel,
    value: SavedValueModel | None,
) -> tuple[float, ...]:
    horizon_spend = None if value is None else value.expected(current)
    values = value_frame(btyd, current, churn.p_churn(current), terms, horizon_spend)["expected_value"]
    return tuple(float(cut) for cut in np.quantile(values.to_numpy(), VALUE_QUANTILES))


def _value_interval(gamma_shape: float, forecasts: list[PastForecasts]) -> ValueInterval:
    """Return the interval by the spend within the churn horizon on past days."""
    if not forecasts:
        return ValueInterval(gamma_shape)
    rows = pl.concat(
        day.frame.select(pl.col("next_spend").clip(lower_bound=0.0), "spend_ahead", "p_churn", pl.lit(day.weight).alias("weight"))
        for day in forecasts
    )
    spend, mean, p_zero, weight = (rows[name].to_numpy() for name in rows.columns)
    return fit_value_interval(gamma_shape, spend, mean, p_zero, weight, len(forecasts))


def fit_spend_gamma_shape(snapshots: list[Snapshot]) -> float:
    """Return the gamma shape of spend around its expectation among the buyers of the newest closed window; 1 without one."""
    if not snapshots:
        return 1.0
    buyers = snapshots[-1].frame.filter(pl.col("next_orders") > 0)
    p_order = 1 - buyers["btyd_p_no_order"].to_numpy()
    expected = (buyers["btyd_expected_orders"] * buyers["btyd_expected_spend"]).to_numpy() / p_order
    return fit_gamma_shape(expected, buyers["next_spend"].to_numpy())
