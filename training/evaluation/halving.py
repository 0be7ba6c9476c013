"""Candidates that are clearly behind on the newest past days are not fitted on the older ones.

Successive halving (Jamieson and Talwalkar 2016, arXiv:1502.07943) over past days, by a test instead of a share: candidates that
are level are all kept.
"""

from collections.abc import Collection

from training.evaluation.backtest_result import Backtest
from training.evaluation.choice import LOSSES, loss_difference, with_importance

FIRST_ORIGINS = 2
CLEAR_ERRORS = 3.0  # standard errors over customers


def clearly_behind(result: Backtest, never: Collection[str]) -> set[str]:
    """Return the columns, `p:` or `value:`, of candidates whose loss is three standard errors above that of the best.

    The loss is that of the choice. Only candidates that were fitted on every day are compared, and none of the names in `never`.
    """
    return {column for prefix in LOSSES for column in _behind(result, prefix, never)}


def _behind(result: Backtest, prefix: str, never: Collection[str]) -> list[str]:
    weighted = with_importance(result)
    names = [name for name in result.candidates(prefix) if not weighted[f"{prefix}{name}"].null_count()]
    if not names:
        return []
    means = {name: loss_difference(weighted, prefix, name, names[0])[0] for name in names}
    best = min(names, key=means.__getitem__)
    leads = {name: loss_difference(weighted, prefix, name, best) for name in names if name not in never and name != best}
    return [f"{prefix}{name}" for name, (mean, error) in leads.items() if mean > CLEAR_ERRORS * error]
