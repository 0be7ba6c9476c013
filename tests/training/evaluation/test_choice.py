from datetime import date

import numpy as np
import polars as pl
import pytest
from scipy.special import expit, logit

from training.evaluation.backtest_result import Backtest
from training.evaluation.choice import choose_candidate

DAYS = [date(2024, 1, 1), date(2024, 4, 1), date(2024, 7, 1)]
ROWS = 3_000


def backtest_of(**candidates: list[float | None]) -> Backtest:
    """Return a backtest in which each candidate knows the true log-odds with noise of that size per origin; None: no fit."""
    rng = np.random.default_rng(1)
    frames = []
    for index, day in enumerate(DAYS):
        truth = rng.normal(0.5, 1.2, ROWS)
        frame = pl.DataFrame({"customer_id": [str(n) for n in range(ROWS)], "origin": [day] * ROWS})
        frame = frame.with_columns(churned=pl.Series((rng.random(ROWS) < expit(truth)).astype(float)))
        for name, noise in candidates.items():
            size = noise[index]
            if size is not None:
                p = np.full(ROWS, 0.5) if size < 0 else expit(truth + rng.normal(0, size, ROWS))
                frame = frame.with_columns(pl.Series(f"p:{name}", p))
        frames.append(frame)
    return Backtest(pl.concat(frames, how="diagonal"), {})


def choose(result: Backtest, *names: str) -> str | None:
    return choose_candidate(result, "p:", names, "constant")


def test_the_best_serves_where_the_difference_is_clear() -> None:
    result = backtest_of(constant=[-1, -1, -1], simple=[1.5, 1.5, 1.5], best=[0.2, 0.2, 0.2])
    assert choose(result, "constant", "simple", "best") == "best"


def test_within_one_standard_error_the_simplest_serves() -> None:
    result = backtest_of(constant=[-1, -1, -1], simple=[0.3, 0.3, 0.3], other=[0.3, 0.3, 0.3])
    hair = np.random.default_rng(4).normal(0, 0.05, 3 * ROWS)
    nearly = pl.Series(expit(logit(result.frame["p:simple"].to_numpy()) + hair))  # type: ignore[index]
    near = result.frame.with_columns(nearly.alias("p:other"))  # type: ignore[union-attr]
    assert choose(Backtest(near, {}), "constant", "simple", "other") == "simple"
    assert choose(Backtest(near, {}), "constant", "other", "simple") == "other"


def test_a_candidate_without_a_fit_on_old_days_may_serve() -> None:
    result = backtest_of(constant=[-1, -1, -1], simple=[1.0, 1.0, 1.0], late=[None, 0.1, 0.1], gone=[0.0, 0.0, None])
    assert choose(result, "constant", "simple", "late", "gone") == "late"


def test_where_customers_cannot_be_ranked_the_base_rate_serves() -> None:
    rng = np.random.default_rng(2)
    frame = pl.DataFrame({"customer_id": [str(n) for n in range(ROWS)], "origin": [DAYS[0]] * ROWS})
    frame = frame.with_columns(
        pl.Series("churned", (rng.random(ROWS) < 0.7).astype(float)),
        pl.lit(0.7).alias("p:constant"),
        pl.Series("p:noise", expit(logit(0.7) + rng.normal(0, 0.2, ROWS))),
    )
    assert choose(Backtest(frame, {}), "constant", "noise") == "constant"


def test_a_season_that_moves_all_customers_does_not_decide() -> None:
    result = backtest_of(constant=[-1, -1, -1], simple=[0.8, 0.8, 0.8], best=[0.2, 0.2, 0.2])
    shifted = pl.Series(expit(logit(result.frame["p:best"].to_numpy()) + 1.5))  # type: ignore[index]
    moved = result.frame.with_columns(shifted.alias("p:best"))  # type: ignore[union-attr]
    assert choose(Backtest(moved, {}), "constant", "simple", "best") == "best"


def test_without_a_backtest_nothing_is_chosen() -> None:
    assert choose(Backtest(None, {}), "constant") is None


@pytest.mark.parametrize("best", ["model", "naive"])
def test_value_models_are_chosen_by_deviance(best: str) -> None:
    rng = np.random.default_rng(3)
    expected = rng.gamma(2.0, 20.0, ROWS)
    other = {"model": "naive", "naive": "model"}[best]
    frame = pl.DataFrame(
        {
            "customer_id": [str(n) for n in range(ROWS)],
            "origin": [DAYS[0]] * ROWS,
            "next_spend": rng.gamma(1.5, expected / 1.5),
            f"value:{best}": expected,
            f"value:{other}": np.full(ROWS, 40.0),
        }
    )
    assert choose_candidate(Backtest(frame, {}), "value:", ["naive", "model"], "naive") == best
