import re
from datetime import date

import numpy as np
import polars as pl
import pytest

from training.evaluation.backtest_result import Backtest
from training.evaluation.leaderboard import leaderboard
from training.reports.comparison_page import comparison_pictures, explanation_pictures, render_comparison_page


@pytest.fixture(scope="module")
def result() -> Backtest:
    rng = np.random.default_rng(1)
    n = 400
    p, spend = rng.random(n), rng.gamma(1.0, 50.0, n) * (rng.random(n) < 0.4)
    columns = {
        "customer_id": [f"c{number // 2}" for number in range(n)],
        "origin": [date(2025, 1, 1), date(2025, 4, 1)] * (n // 2),
        "churned": (rng.random(n) < p).astype(float),
        "next_spend": spend,
        "segment": ["one-time buyers", "repeat buyers"] * (n // 2),
        "loyalty_segment": "split",
        "silence": ["silent to 30 days", "longer"] * (n // 2),
        "p:recency_rule": np.full(n, 0.5),
        "p:hybrid": p,
        "value:same_as_last_period": rng.gamma(1.0, 20.0, n),
        "value:hybrid": spend * 0.5 + 10,
        "low:hybrid": np.zeros(n),
        "high:hybrid": np.full(n, 90.0),
    }
    return Backtest(pl.DataFrame(columns), {"lightgbm": "too <little> data"})


def test_the_page_has_both_tables_groups_intervals_and_charts_and_loads_nothing(result: Backtest) -> None:
    board = leaderboard(result, date(2025, 7, 1), 90, intervals=True)
    page = render_comparison_page(board, comparison_pictures(board, result), None, explanation_pictures(None))
    assert page.count("data:image/png;base64,") == 6
    assert "400 customer windows of 90 days, from 2025-01-01, 2025-04-01" in page
    for text in (
        "Tweedie deviance",
        "above value_high",
        "one-time buyers",
        "2025-04-01",
        "recency_rule",
        "bias by group",
        "<th>longer</th>",
    ):
        assert text in page
    assert re.search(r"-0\.\d+ to -0\.\d+", page)
    assert "too &lt;little&gt; data" in page
    assert not re.search(r"(src|href)=\"?https?:", page)


def test_without_a_backtest_the_page_has_the_reasons() -> None:
    empty = Backtest(None, {"bgnbd": "the log is too short for a backtest"})
    page = render_comparison_page(leaderboard(empty, date(2025, 7, 1), 90), [], None, [])
    assert "The log is too short for a comparison" in page
    assert "Not evaluated: bgnbd" in page
    assert "<img" not in page
