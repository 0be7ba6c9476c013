"""What a value is worth in words: parts that add up, and an interval only where it holds its mean."""

from dataclasses import dataclass

from features.rendering.amounts import format_amount, format_money, round_half_up

MAX_ONE_IN = 1_000
MIN_ONE_IN = 1.5


@dataclass(frozen=True)
class ValueParts:
    """The value if every customer stayed, and its two parts: what is expected, and what will probably be lost.

    All are rounded to whole amounts so that the parts add up to the total.
    """

    if_all_stay: int
    expected: int
    expected_loss: int


def value_parts(expected: float, expected_loss: float) -> ValueParts:
    """Return the parts of a value. `expected_loss` is the sum of value_at_risk: p_churn x (value if stays - value if leaves)."""
    total, kept = int(round_half_up(expected + expected_loss)), int(round_half_up(expected))
    return ValueParts(if_all_stay=total, expected=kept, expected_loss=total - kept)


def value_sentence(score: dict[str, float], currency: str, value_days: int, churn_days: int) -> str:
    """Return how far the value of one customer may lie from its mean, `expected_value`.

    With a few valuable outcomes and many of nothing, the mean lies outside the 80 % interval, which is [0, 0] where an order is
    unlikelier than one in ten. Then the sentence says how likely an order is, and what it brings.
    """
    mean, low, high = (score[name] for name in ("expected_value", "value_low", "value_high"))
    if low <= mean <= high and high > 0:
        return f"80 % interval over {value_days} days: {format_money(low)} to {format_money(high)} {currency}."
    if high <= 0:
        lead = "Most likely nothing"
    elif mean > high:
        lead = f"In nine of ten cases at most {format_money(high)} {currency}"
    else:
        lead = f"In nine of ten cases at least {format_money(low)} {currency}"
    return f"{lead}; {_exception(1 - score['p_churn'], churn_days)} {format_money(score['value_if_stays'])} {currency}."


def _exception(p_order: float, churn_days: int) -> str:
    """Return how many such customers order within the churn horizon, up to the amount that they bring."""
    within = f"an order within {churn_days} days"
    if p_order * MAX_ONE_IN < 1:
        return f"fewer than one in {MAX_ONE_IN:,} such customers places {within}, and still brings about"
    if p_order * MIN_ONE_IN > 1:
        return f"most such customers place {within}, and bring about"
    return f"about one in {format_amount(1 / p_order)} such customers places {within}, and still brings about"
