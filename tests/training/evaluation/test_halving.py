from datetime import date

import numpy as np
import polars as pl

from training.evaluation.backtest_result import Backtest
from training.evaluation.choice import choose_candidate
from training.evaluation.halving import clearly_behind

ROWS = 2_000
DAYS = (date(2024, 1, 1), date(2024, 4, 1))


def result_of(**errors: float | None) -> Backtest:
    """Return two days on which candidates know the chances with errors of these sizes; None: no fit on the older day."""
    rng = np.random.default_rng(5)
    truth = rng.uniform(0.1, 0.9, 2 * ROWS)
    frame = pl.DataFrame(
        {
            "customer_id": [str(number) for number in range(ROWS)] * 2,
            "origin": [day for day in DAYS for _ in range(ROWS)],
            "churned": (rng.random(2 * ROWS) < truth).astype(float),
            "next_spend": rng.gamma(2.0, 30.0, 2 * ROWS),
        }
    )
    for name, size in errors.items():
        p = np.clip(truth + rng.normal(0, size or 0.0, 2 * ROWS), 0.02, 0.98)
        column = pl.Series(f"p:{name}", p)
        frame = frame.with_columns(pl.when((pl.col("origin") == DAYS[1]) | (size is not None)).then(column).alias(column.name))
    return Backtest(frame, {})


def test_who_is_clearly_behind_the_best_is_out_and_who_is_level_stays() -> None:
    result = result_of(best=0.0, level=0.01, far=0.4, naive=0.4)
    assert clearly_behind(result, {"naive"}) == {"p:far"}


def test_a_candidate_without_a_fit_on_a_newest_day_stays() -> None:
    assert clearly_behind(result_of(best=0.0, late=None, far=0.4), ()) == {"p:far"}


def test_who_is_out_is_not_chosen() -> None:
    result = result_of(best=0.0, far=0.4)
    assert choose_candidate(result, "p:", ["far"], "best") == "far"
    assert choose_candidate(Backtest(result.frame, {}, behind=("p:far",)), "p:", ["far", "best"], "best") == "best"
    assert choose_candidate(Backtest(result.frame, {}, behind=("p:far",)), "p:", ["far"], "best") is None
