from datetime import date

import numpy as np
import polars as pl
import pytest

from training.evaluation.auc_difference import auc_difference
from training.evaluation.bootstrap import paired_interval, resample_customers, resampled_auc
from training.metrics import auc

DAY = date(2025, 1, 1)


def windows(customers: int = 600, origins: int = 1, seed: int = 0, level: float = 0.0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    parts = []
    for origin in range(origins):
        risk = rng.normal(size=customers)
        parts.append(
            pl.DataFrame(
                {
                    "customer_id": [f"c{number}" for number in range(customers)],
                    "origin": [DAY.replace(year=2020 + origin)] * customers,
                    "churned": (risk + rng.normal(size=customers) > level * origin).astype(float),
                    "good": risk,
                    "rounded": np.round(risk),
                    "poor": risk + 2 * rng.normal(size=customers) + level * origin,
                }
            )
        )
    return pl.concat(parts)


@pytest.mark.parametrize("other", ["poor", "rounded"])
def test_on_one_day_it_equals_the_difference_of_areas_and_the_bootstrap(other: str) -> None:
    rows = windows()
    compared = auc_difference(rows, "good", other)
    assert compared is not None
    churned, good, second = (rows[name].to_numpy() for name in ("churned", "good", other))
    assert compared[0] == pytest.approx(auc(churned, good) - auc(churned, second))
    low, high = paired_interval(resampled_auc, churned, good, second, resample_customers(rows["customer_id"]))
    assert 2 * 1.96 * compared[1] == pytest.approx(high - low, rel=0.15)


def test_levels_of_days_say_nothing_about_who_is_at_risk() -> None:
    rows = windows(origins=2, level=3.0)
    compared = auc_difference(rows, "good", "good")
    assert compared == (0.0, 0.0)
    within, pooled = auc_difference(rows, "good", "poor"), auc(rows["churned"].to_numpy(), rows["poor"].to_numpy())
    by_day = [auc(day["churned"].to_numpy(), day["poor"].to_numpy()) for _, day in rows.group_by("origin")]
    assert within is not None
    assert within[0] > 0.1
    assert pooled != pytest.approx(np.mean(by_day), abs=0.05)


def test_a_customer_counts_once_however_many_days_it_is_repeated_on() -> None:
    once = windows()
    repeated = pl.concat([once.with_columns(pl.lit(DAY.replace(year=2020 + year)).alias("origin")) for year in range(4)])
    compared, same = auc_difference(repeated, "good", "poor"), auc_difference(once, "good", "poor")
    assert compared is not None
    assert same is not None
    assert compared == pytest.approx(same)


def test_without_both_outcomes_there_is_nothing_to_compare() -> None:
    assert auc_difference(windows().with_columns(pl.lit(1.0).alias("churned")), "good", "poor") is None
