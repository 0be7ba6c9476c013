"""A wrong run or list does not take over, and can be taken back."""

import json
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

from serving.store.engine import open_store
from serving.store.lists.issued import issued_lists
from serving.store.lists.precedence import effective_list
from settings.load import load_settings

Holdfast = Callable[..., tuple[int, str, str]]


def add_order(config: Path, day: datetime) -> None:
    """Add one order line of a known customer."""
    path = Path(str(load_settings(config, {}).tables.transactions))
    orders = pl.read_parquet(path)
    line = orders.tail(1).with_columns(ordered_at=pl.lit(day).cast(orders.schema["ordered_at"]))
    pl.concat([orders, line]).write_parquet(path)


def counting_list(config: Path, kind: str = "at_risk") -> str | None:
    store = open_store(load_settings(config, {}).store_url)
    week = max(issued.week for issued in issued_lists(store))
    effective = effective_list(store, kind, week)
    store.dispose()
    return None if effective is None else effective.list_id


@pytest.mark.slow
def test_one_misdated_order_or_a_late_date_does_not_take_over_and_a_run_can_be_withdrawn(
    workshop: Path, holdfast: Holdfast
) -> None:
    day = date(2025, 2, 10)
    add_order(workshop, datetime(2025, 8, 1))
    code, output, messages = holdfast("score", "--config", workshop)
    assert (code, f"scored as of {day}" in output) == (0, True)
    assert "1 order line is dated after 2025-02-09, up to 2025-08-01 (173 days later)" in messages
    late = ["score", "--as-of", "2025-08-02", "--config", workshop]
    code, _, message = holdfast(*late)
    assert code == 2
    assert "were not published: The as-of date is not later than the orders allow; found" in message
    assert "current" in holdfast("runs", "--config", workshop)[1].split(str(day))[1].splitlines()[0]
    code, output, _ = holdfast(*late, "--override", "trying it")
    assert (code, "Published as run 2." in output) == (0, True)
    record = json.loads((workshop.parent / "workspace" / "checks" / "overrides.jsonl").read_text().splitlines()[-1])
    assert (record["command"], record["reason"]) == ("score", "trying it")
    assert "scores (as_of_ahead)" in record["tables"]
    holdfast("list", "--config", workshop)
    code, output, _ = holdfast("withdraw", "2", "--config", workshop)
    assert code == 0
    assert "Lists issued from it, now marked as withdrawn: at_risk-2025-W31-run2." in output
    assert f"Run 1, as of {day}, is current now." in output
    code, output, _ = holdfast("list", "--dry-run", "--config", workshop)
    assert (code, f"data as of {day}" in output.replace("\n", " ")) == (0, True)
    assert "withdrawn" in holdfast("runs", "--config", workshop)[1]


def test_the_list_issued_last_counts_and_a_dry_run_issues_nothing(workshop: Path, holdfast: Holdfast) -> None:
    first = counting_list(workshop)
    code, output, _ = holdfast("list", "--budget", "10", "--dry-run", "--config", workshop)
    assert (code, f"dry run: nothing was issued, and {first} still counts." in output.replace("\n", " ")) == (0, True)
    assert counting_list(workshop) == first
    output = holdfast("list", "--budget", "10", "--config", workshop)[1].replace("\n", " ")
    assert f"It replaces {first}, which is kept unchanged." in output
    assert counting_list(workshop) == f"{first}-2"
    output = holdfast("list", "--limit", "3", "--config", workshop)[1].replace("\n", " ")
    assert f"{first}-2 counts as the at-risk list of 2025-W07, not this one: a limit cut this one short." in output
    output = holdfast("list", "--config", workshop)[1].replace("\n", " ")
    assert "This list counts as the at-risk list of 2025-W07." in output
    assert counting_list(workshop) == first


def test_full_width_digits_are_no_week(workshop: Path, holdfast: Holdfast) -> None:
    code, _, message = holdfast("list", "--week", "２０２５-W07", "--config", workshop)
    assert (code, message.replace("\n", " ")) == (2, "A week is written as 2026-W47, found '２０２５-W07'. ")
