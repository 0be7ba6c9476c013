"""What a curve of budgets says, in words: the most profitable budget, and what lies beyond it."""

from features.rendering.amounts import MAX_WITH_CENTS, format_amount, format_money

TOLERANCE = 0.005  # in currency: budgets this close are equal


def best_budget_sentence(best: float, maximum: float, currency: str, *, what: str, answers_all: bool = False) -> str:
    """Return which budget is the most profitable one, and what more money is expected to do.

    `maximum` is what all actions together cost: nothing lies beyond it. `what` is one action in a word, "contact" or "answer";
    `answers_all` says that every complaint is answered, whatever it gains.
    """
    best_text = f"{_exact(best)} {currency}"
    lead = "Every complaint is answered. By expected gain alone, " if answers_all else ""
    if maximum - best <= TOLERANCE:
        sentence = f"every {what} is expected to bring more than it costs; {best_text} pays for all of them."
    elif best <= TOLERANCE:
        sentence = f"no {what} is expected to bring more than it costs."
    else:
        sentence = f"{what}s beyond a budget of {best_text} cost more than they are expected to bring."
    return lead + (sentence if lead else sentence[:1].upper() + sentence[1:])


def curve_description(best: float, maximum: float, currency: str) -> str:
    """Return what the chart of budgets shows, for those who cannot see it."""
    start = "Expected profit against money spent: it "
    if maximum - best <= TOLERANCE:
        return f"{start}rises up to the last budget, {format_money(maximum)} {currency}."
    if best <= TOLERANCE:
        return f"{start}falls from the first contact."
    return f"{start}rises up to a budget of {format_money(best)} {currency} and falls beyond it."


def _exact(budget: float) -> str:
    """Return a budget with its cents, as it stands in the field beside the sentence."""
    return format_money(budget) if budget < MAX_WITH_CENTS else format_amount(budget, 2).removesuffix(".00")
