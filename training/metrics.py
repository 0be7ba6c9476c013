"""Metrics of churn probabilities and of values, as numbers of arrays."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata, spearmanr
from sklearn.metrics import average_precision_score, brier_score_loss, mean_tweedie_deviance

Array = NDArray[np.float64]
BINS = 10
TOP = 0.10
TOPS = (0.01, 0.05, 0.10, 0.20)
TWEEDIE_POWER = 1.5
MIN_MEAN = 0.01  # a mean of zero has an infinite deviance once anybody spends
OUTSIDE = 0.2  # of an 80 % interval


def churn_metrics(churned: Array, p: Array) -> dict[str, float]:
    """Return auc, average_precision, log_loss, brier, calibration_error, bias, and lift and capture at 1, 5, 10 and 20 %.

    churned is 0 or 1. capture_10 is the share of all churners among the tenth with the highest p. Where only one outcome
    occurs, what needs both is NaN.
    """
    both = 0 < churned.mean() < 1
    return {
        "auc": auc(churned, p),
        "average_precision": float(average_precision_score(churned, p)) if both else np.nan,
        "log_loss": log_loss(churned, p),
        "brier": float(brier_score_loss(churned, p)),
        "calibration_error": calibration_error(churned, p),
        **{f"lift_{top:.0%}".rstrip("%"): lift(churned, p, top) for top in TOPS},
        **{f"capture_{top:.0%}".rstrip("%"): lift(churned, p, top) * _count(churned, top) / len(churned) for top in TOPS},
        "bias": float(p.mean() - churned.mean()),
    }


def auc(churned: Array, p: Array) -> float:
    """Return the area under the ROC curve; NaN where only one outcome occurs.

    By ranks (Mann and Whitney 1947), equal ones shared: a tenth of the time of a function that checks its input, which
    counts where it is asked for thousands of resamples.
    """
    left = float(churned.sum())
    pairs = left * (len(churned) - left)
    return float((rankdata(p) @ churned - left * (left + 1) / 2) / pairs) if pairs else np.nan


def log_loss(churned: Array, p: Array) -> float:
    """Return the mean logarithmic loss, probabilities kept a millionth away from 0 and 1."""
    kept = np.clip(p, 1e-6, 1 - 1e-6)
    return float(-np.mean(churned * np.log(kept) + (1 - churned) * np.log1p(-kept)))


def tweedie_deviance(spend: Array, expected: Array) -> float:
    """Return the mean Tweedie deviance of power 1.5; negative spend counts as 0, a mean below a hundredth as that."""
    return float(mean_tweedie_deviance(np.maximum(spend, 0), np.maximum(expected, MIN_MEAN), power=TWEEDIE_POWER))


def calibration_error(churned: Array, p: Array) -> float:
    """Return the mean distance of foretold and seen share over ten bins of equal size, weighted by size.

    Naeini, Cooper and Hauskrecht (2015), expected calibration error with bins of equal mass.
    """
    parts, shared = np.array_split(np.argsort(p, kind="stable"), BINS), _shared(churned, p)
    gaps = [abs(p[part].mean() - shared[part].mean()) * len(part) for part in parts if len(part)]
    return float(sum(gaps) / len(p))


def lift(churned: Array, p: Array, top: float) -> float:
    """Return the churn rate among the `top` share with the highest p over the churn rate of all."""
    count = _count(p, top)
    highest = np.argsort(-p, kind="stable")[:count]
    overall = churned.mean()
    return float(_shared(churned, p)[highest].mean() / overall) if overall else np.nan


def _count(rows: Array, top: float) -> int:
    return max(int(np.ceil(top * len(rows))), 1)


def value_metrics(spend: Array, expected: Array) -> dict[str, float]:
    """Return tweedie_deviance, gini, spearman, bias, decile_error, top_capture, mae and rmse of expected against actual spend.

    The deviance has power 1.5 and takes negative spend as 0 and a mean below a hundredth as that. bias is that of the total,
    relative. decile_error is the mean distance of expected and actual spend over ten groups by expectation, over the mean
    spend; top_capture the share of all spend by the tenth with the highest expectation. mae rewards predicting zero.
    """
    total = spend.sum()
    return {
        "tweedie_deviance": tweedie_deviance(spend, expected),
        "gini": normalised_gini(spend, expected),
        "spearman": float(spearmanr(spend, expected).statistic) if len(set(expected)) > 1 else np.nan,
        "bias": float(expected.sum() / total - 1) if total else np.nan,
        "decile_error": decile_error(spend, expected),
        "top_capture": lift(spend, expected, TOP) * _count(spend, TOP) / len(spend),
        "mae": float(np.abs(spend - expected).mean()),
        "rmse": float(np.sqrt(((spend - expected) ** 2).mean())),
    }


def decile_error(spend: Array, expected: Array) -> float:
    """Return the mean distance of expected and actual spend over ten groups by expectation, over the mean spend."""
    mean = spend.mean()
    return calibration_error(spend, expected) / float(mean) if mean > 0 else np.nan


def interval_metrics(spend: Array, low: Array, high: Array) -> dict[str, float]:
    """Return above_high (share of customers above) and interval_score of an 80 % interval.

    Gneiting and Raftery (2007), doi:10.1198/016214506000001437, eq. 43: its width, and ten times what lies outside.
    """
    outside = np.maximum(low - spend, 0) + np.maximum(spend - high, 0)
    return {
        "above_high": float((spend > high).mean()),
        "interval_score": float((high - low + 2 / OUTSIDE * outside).mean()),
    }


def normalised_gini(spend: Array, expected: Array) -> float:
    """Return the Gini of spend in the order of expectation over the Gini in its own order; 1 is perfect.

    Customers with equal expectation share their spend evenly, so that their order in the table is of no account.
    """
    perfect = _gini(spend, spend)
    return float(_gini(spend, expected) / perfect) if perfect else np.nan


def _gini(spend: Array, order: Array) -> float:
    ranked = _shared(spend, order)[np.argsort(order, kind="stable")]
    total = ranked.sum()
    if total == 0:
        return 0.0
    n = len(ranked)
    return float(2 * (np.arange(1, n + 1) * ranked).sum() / (n * total) - (n + 1) / n)


def _shared(outcome: Array, order: Array) -> Array:
    """Give rows with equal predictions their common mean outcome, so that the order of rows is of no account."""
    _, group = np.unique(order, return_inverse=True)
    shared: Array = (np.bincount(group, weights=outcome) / np.bincount(group))[group]
    return shared
