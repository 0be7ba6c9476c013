"""Metrics of churn probabilities and of expected values, computed from arrays."""

import numpy as np
from scipy.stats import rankdata, spearmanr
from sklearn.metrics import average_precision_score, brier_score_loss

from features.frames.arrays import Array

BINS = 10
TOP_SHARE = 0.10
TOP_SHARES = (0.01, 0.05, 0.10, 0.20)
TWEEDIE_POWER = 1.5
MIN_MEAN = 0.01  # with a mean of zero the deviance is infinite once a customer spends
INTERVAL_ALPHA = 0.2  # of an 80 % interval


def churn_metrics(churned: Array, p: Array) -> dict[str, float]:
    """Return auc, average_precision, log_loss, brier, calibration_error, bias, and lift and capture at 1, 5, 10 and 20 %.

    churned is 0 or 1. capture_10 is the share of all churners among the tenth with the highest p. Metrics that need both
    outcomes are NaN where only one occurs.
    """
    has_both_outcomes = 0 < churned.mean() < 1
    return {
        "auc": auc(churned, p),
        "average_precision": float(average_precision_score(churned, p)) if has_both_outcomes else np.nan,
        "log_loss": log_loss(churned, p),
        "brier": float(brier_score_loss(churned, p)),
        "calibration_error": calibration_error(churned, p),
        **{f"lift_{share:.0%}".rstrip("%"): lift(churned, p, share) for share in TOP_SHARES},
        **{f"capture_{share:.0%}".rstrip("%"): capture(churned, p, share) for share in TOP_SHARES},
        "bias": float(p.mean() - churned.mean()),
    }


def auc(churned: Array, p: Array) -> float:
    """Return the area under the ROC curve; NaN where only one outcome occurs.

    It comes from the rank sum (Mann and Whitney 1947, doi:10.1214/aoms/1177730491); equal p share their ranks. This takes a
    tenth of the time of scikit-learn's function, which checks its input.
    """
    churners = float(churned.sum())
    pairs = churners * (len(churned) - churners)
    return float((rankdata(p) @ churned - churners * (churners + 1) / 2) / pairs) if pairs else np.nan


def log_loss(churned: Array, p: Array) -> float:
    """Return the mean logarithmic loss, with probabilities clipped to a millionth from 0 and 1."""
    return float(np.mean(log_losses(churned, p)))


def log_losses(churned: Array, p: Array) -> Array:
    """Return the logarithmic loss of each row, clipped as in `log_loss`."""
    clipped = np.clip(p, 1e-6, 1 - 1e-6)
    losses: Array = -(churned * np.log(clipped) + (1 - churned) * np.log1p(-clipped))
    return losses


def tweedie_deviance(spend: Array, expected: Array) -> float:
    """Return the mean Tweedie deviance of power 1.5; negative spend counts as 0, a mean below 0.01 as 0.01."""
    return float(np.mean(tweedie_deviances(spend, expected)))


def tweedie_deviances(spend: Array, expected: Array) -> Array:
    """Return the Tweedie deviance of each row, clipped as in `tweedie_deviance`; scikit-learn's formula."""
    y, mean, power = np.maximum(spend, 0), np.maximum(expected, MIN_MEAN), TWEEDIE_POWER
    deviances: Array = 2 * (
        np.power(y, 2 - power) / ((1 - power) * (2 - power))
        - y * np.power(mean, 1 - power) / (1 - power)
        + np.power(mean, 2 - power) / (2 - power)
    )
    return deviances


def calibration_error(churned: Array, p: Array) -> float:
    """Return the mean distance between predicted and observed share over ten bins of equal size, weighted by size.

    Naeini, Cooper and Hauskrecht (2015), expected calibration error with bins of equal mass.
    """
    bins, observed = np.array_split(np.argsort(p, kind="stable"), BINS), _average_ties(churned, p)
    gaps = [abs(p[rows].mean() - observed[rows].mean()) * len(rows) for rows in bins if len(rows)]
    return float(sum(gaps) / len(p))


def lift(outcome: Array, score: Array, share: float) -> float:
    """Return the mean outcome of the `share` of rows with the highest score over the mean outcome of all."""
    highest = np.argsort(-score, kind="stable")[: _top_count(score, share)]
    overall = outcome.mean()
    return float(_average_ties(outcome, score)[highest].mean() / overall) if overall else np.nan


def capture(outcome: Array, score: Array, share: float) -> float:
    """Return the part of the total outcome that the `share` of rows with the highest score has."""
    return lift(outcome, score, share) * _top_count(outcome, share) / len(outcome)


def _top_count(rows: Array, share: float) -> int:
    return max(int(np.ceil(share * len(rows))), 1)


def value_metrics(spend: Array, expected: Array) -> dict[str, float]:
    """Return tweedie_deviance, gini, spearman, bias, decile_error, top_capture, mae and rmse of expected against actual spend.

    The deviance has power 1.5; it takes negative spend as 0 and a mean below 0.01 as 0.01. bias is the relative error of the
    total. decile_error is the mean distance between expected and actual spend over ten groups by expectation, divided by the
    mean spend. top_capture is the share of all spend by the tenth with the highest expectation. mae rewards predicting zero.
    """
    total = spend.sum()
    return {
        "tweedie_deviance": tweedie_deviance(spend, expected),
        "gini": normalised_gini(spend, expected),
        "spearman": float(spearmanr(spend, expected).statistic) if len(set(expected)) > 1 else np.nan,
        "bias": float(expected.sum() / total - 1) if total else np.nan,
        "decile_error": decile_error(spend, expected),
        "top_capture": capture(spend, expected, TOP_SHARE),
        "mae": float(np.abs(spend - expected).mean()),
        "rmse": float(np.sqrt(((spend - expected) ** 2).mean())),
    }


def decile_error(spend: Array, expected: Array) -> float:
    """Return the mean distance between expected and actual spend over ten groups by expectation, over the mean spend."""
    mean = spend.mean()
    return calibration_error(spend, expected) / float(mean) if mean > 0 else np.nan


def interval_metrics(spend: Array, low: Array, high: Array) -> dict[str, float]:
    """Return above_high (the share of customers above the interval) and interval_score of an 80 % interval.

    The score is the width of the interval plus ten times the distance of the spend from it (Gneiting and Raftery 2007,
    doi:10.1198/016214506000001437, eq. 43).
    """
    outside = np.maximum(low - spend, 0) + np.maximum(spend - high, 0)
    return {
        "above_high": float((spend > high).mean()),
        "interval_score": float((high - low + 2 / INTERVAL_ALPHA * outside).mean()),
    }


def normalised_gini(spend: Array, expected: Array) -> float:
    """Return the Gini of spend in the order of expectation over the Gini in its own order; 1 is perfect.

    Customers with equal expectation share their spend evenly, so the order of rows does not matter.
    """
    perfect = _gini(spend, spend)
    return float(_gini(spend, expected) / perfect) if perfect else np.nan


def _gini(spend: Array, order: Array) -> float:
    ranked = _average_ties(spend, order)[np.argsort(order, kind="stable")]
    total = ranked.sum()
    if total == 0:
        return 0.0
    n = len(ranked)
    return float(2 * (np.arange(1, n + 1) * ranked).sum() / (n * total) - (n + 1) / n)


def _average_ties(outcome: Array, order: Array) -> Array:
    """Return the outcomes, with the mean of the group for rows of equal prediction: the order of rows does not matter then."""
    _, group = np.unique(order, return_inverse=True)
    averaged: Array = (np.bincount(group, weights=outcome) / np.bincount(group))[group]
    return averaged
