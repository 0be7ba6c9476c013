from datetime import date, timedelta

import polars as pl
import pytest

from serving.store.lists.of_customers import EARLIER_COLUMNS
from serving.targeting.holds import current_hold, with_days_left
from serving.targeting.rules import Target

START = date(2026, 3, 2)
PAUSE, HOLD = 14, 90


def rows(*cells: tuple[str, str, int, bool]) -> pl.DataFrame:
    """Return earlier lists of a customer from target, arm, days since the start, and whether it is this week's."""
    earlier = [
        ("a", target, arm, days, HOLD, this_week, None, f"list {index}", START)
        for index, (target, arm, days, this_week) in enumerate(cells)
    ]
    return pl.DataFrame(earlier, schema=EARLIER_COLUMNS | {"list_id": pl.String(), "start": pl.Date()}, orient="row")


@pytest.mark.parametrize(
    ("arm", "days", "days_left"),
    [("treated", 0, 14), ("treated", 13, 1), ("treated", 14, 0), ("control", 0, 90), ("control", 89, 1), ("control", 90, 0)],
)
def test_days_left_count_from_the_start_of_the_list(arm: str, days: int, days_left: int) -> None:
    earlier = rows(("retention", arm, days, False))
    assert with_days_left(earlier, pl.lit("retention"), PAUSE)["days_left"].to_list() == [days_left]


def test_the_longest_hold_counts_and_a_control_group_before_a_pause() -> None:
    earlier = rows(("retention", "treated", 3, False), ("win_back", "control", 80, False), ("win_back", "control", 50, False))
    hold = current_hold(earlier, Target.RETENTION, PAUSE)
    assert hold is not None
    assert (hold.list_id, hold.is_control, hold.until) == ("list 2", True, START + timedelta(days=HOLD))


def test_without_a_list_or_after_it_there_is_no_hold() -> None:
    assert current_hold(rows(), Target.RETENTION, PAUSE) is None
    assert current_hold(rows(("retention", "treated", PAUSE, False)), Target.RETENTION, PAUSE) is None
    assert current_hold(rows(("retention", "treated", 0, True)), Target.RETENTION, PAUSE) is None
