"""Jumps between a scoring run and the published one before it, and an as-of date that the orders have not reached."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from expectations.check import Measure
from features.order_rhythm import OrderRhythm

MIN_CUSTOMERS = 50  # means of fewer customers may jump


def as_of_measure(rhythm: OrderRhythm, scores: pl.DataFrame) -> dict[str, Measure]:
    """Return by how many days the as-of date of scores is later than the rhythm of the orders allows."""
    as_of: date = scores["as_of"].max()  # type: ignore[assignment]  # the maximum of dates is a date
    days = rhythm.days_ahead(as_of)
    usual = f"orders usually follow each other within {rhythm.allowed_gap} days"
    detail = f"the newest regular order is from {rhythm.last_regular}, the as-of date is {as_of}, and {usual}"
    return {"as_of_ahead": Measure(days, detail if days else "")}


def jump_measures(scores: pl.DataFrame, published: Mapping[str, Any] | None) -> dict[str, Measure]:
    """Return how far mean p_churn and mean expected value moved from a published run; empty without a comparable one.

    `published` are the figures of that run (`serving.store.run_summary`). Both runs need MIN_CUSTOMERS customers with a score.
    """
    scored = scores.drop_nulls("p_churn")
    if published is None or min(scored.height, published["scored"]) < MIN_CUSTOMERS:
        return {}
    old_p = _mean_p_churn(published["groups"]["status"])
    old_value = float(published["expected_value"]) / published["scored"]
    p, value = scored.select(pl.col("p_churn").mean(), pl.col("expected_value").mean()).row(0)
    measures = {"p_churn_jump": Measure(abs(p - old_p), f"from {old_p:z.1%} to {p:z.1%}")}
    if min(value, old_value) > 0:
        factor = max(value / old_value, old_value / value)
        measures["value_jump"] = Measure(factor, f"from {old_value:z,.2f} to {value:z,.2f} per customer")
    return measures


def _mean_p_churn(groups: list[dict[str, Any]]) -> float:
    known = [group for group in groups if group["p_churn"] is not None]
    customers = sum(group["customers"] for group in known)
    return float(sum(group["customers"] * group["p_churn"] for group in known) / max(customers, 1))
