"""The terms of the pages, the workbook and the docs: one definition of each, in the words that all of them show.

Run: python -m serving.schemas.glossary > docs/glossary.md
"""

from typing import NamedTuple


class Term(NamedTuple):
    """A term as it is shown, and its definition in plain sentences."""

    name: str
    definition: str


TERMS: dict[str, Term] = {
    "at_risk": Term(
        "at risk",
        "An existing customer whose risk of placing no order is above the base rate, or above a configured threshold. The "
        "at-risk list has those worth contacting.",
    ),
    "win_back": Term("win back", "Contact former customers, whose last order is long ago, so that they buy again."),
    "recovery": Term(
        "recovery",
        "Settle a complaint so well that the customer stays. Every complaint is answered; the list adds the recovery action.",
    ),
    "retention": Term("retention", "An action for existing customers at risk, so that they keep buying."),
    "risk": Term(
        "risk",
        "The probability that a customer places no order within the window that the list names, if nothing special is done.",
    ),
    "expected_value": Term(
        "expected value",
        "The margin that a customer is expected to bring over the value horizon as things stand, the risk of leaving included.",
    ),
    "value_at_risk": Term(
        "expected loss",
        "What is lost on average if nothing is done: the risk times what staying is worth compared with leaving. "
        "Expected value and expected loss add up to the value if all stayed.",
    ),
    "expected_gain": Term(
        "expected gain",
        "What an action is expected to bring: the value it is expected to save, minus its cost. It can be negative.",
    ),
    "assumed_gain": Term(
        "assumed gain",
        "An expected gain that rests on an assumed effect. It has two digits. Where the action was tried with a control group, "
        "the range of gain by the measured effect stands beside it.",
    ),
    "cost": Term("cost", "What the actions cost, for all customers to act on. Held-out customers cost nothing."),
    "held_out": Term(
        "held out",
        "In the control group: chosen at random and not contacted. Without such customers, no effect can be measured.",
    ),
    "treated": Term("treated", "On the list and not held out: a customer to act on."),
    "segment": Term(
        "loyalty segment", "How a customer divides the purchases among brands: hard-core, split, shifting or switcher."
    ),
    "hard_core": Term("hard-core", "Buys one brand all the time."),
    "split": Term("split", "Is loyal to two or three brands at the same time."),
    "shifting": Term("shifting", "Moved from one favourite brand to another."),
    "switcher": Term("switcher", "Shows no loyalty to any brand."),
    "undetermined": Term("undetermined", "Too few purchases to tell a loyalty segment, or no segment is likely enough."),
    "stage": Term(
        "lifecycle stage",
        "How far the relationship has come: prospect, first-time, repeat, client, advocate, partner; or inactive.",
    ),
    "first_time": Term("first-time", "Has bought once."),
    "repeat": Term("repeat", "Has bought more than once."),
    "client": Term("client", "Buys regularly and from a broad range."),
    "advocate": Term("advocate", "Has brought other customers."),
    "partner": Term("partner", "Works with the company; the company itself marks its partners."),
    "inactive": Term("inactive", "Has not bought for longer than the activity window: a former customer."),
    "reason": Term("reason", "A fact about the customer that raises or lowers the predicted risk."),
    "effect": Term(
        "effect",
        "By how much an action lowers the risk: measured on earlier contacts with a control group, or else assumed.",
    ),
    "save_rate": Term(
        "save rate", "The share of leaving customers that an action is assumed to keep, where no effect was measured."
    ),
    "interval": Term("interval", "The range in which the true figure lies with the probability stated beside it."),
    "outcome": Term("outcome", "What customers on a list ordered afterwards, compared with the held-out customers."),
    "calibration": Term(
        "calibration", "Whether predicted risks come true: of 100 customers with a risk of 70 %, about 70 leave."
    ),
    "baseline": Term("baseline", "A simple rule that a model must beat before it is used."),
    "log_loss": Term("log-loss", "A measure of the error of predicted risks; lower is better."),
    "champion": Term("champion", "The model in use. A new model replaces it only if it predicts better."),
    "data_as_of": Term("data as of", "The day before which everything that was known is in the figures; later orders are not."),
}

PREAMBLE = """# Glossary

Written by `python -m serving.schemas.glossary > docs/glossary.md`. The pages and the workbook show the same definitions.

| term | meaning |
|---|---|
"""


def find_term(name: str | None) -> Term | None:
    """Return a term by its key, such as held_out; None for a name without a definition."""
    return TERMS.get(name or "")


def sorted_terms() -> list[tuple[str, Term]]:
    """Return the keys and terms in alphabetical order of the shown names."""
    return sorted(TERMS.items(), key=lambda item: item[1].name)


def as_markdown() -> str:
    """Return docs/glossary.md."""
    return PREAMBLE + "".join(f"| {term.name} | {term.definition} |\n" for _, term in sorted_terms())


if __name__ == "__main__":
    print(as_markdown(), end="")  # noqa: T201  # the page goes to standard output
