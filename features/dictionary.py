"""The feature dictionary: what every column of the feature table is, for programs and for people.

Run: python -m features.dictionary > docs/features.md
"""

from typing import Any

from features.build import FAMILIES
from features.families.feature import Feature

TITLES = {
    "recency": "Recency and frequency",
    "cadence": "The customer's own rhythm",
    "spend": "Spend",
    "basket": "The basket",
    "demand": "Demand for what the customer buys",
    "loyalty": "Loyalty to brands",
    "complaints": "Complaints",
    "satisfaction": "Satisfaction",
    "contacts": "Contacts",
    "lifecycle": "Status and stage",
    "context": "Where and when",
}
HEAD = """# Features

One row per customer known before the as-of date, by `customer_id`, with `as_of` and the columns below. Every column uses
only what was known before that date, 00:00 UTC. Generated from the code by `python -m features.dictionary`.

"Counts" are 0 for a customer without a row in a table that is there, and null where the table is absent. Columns marked
with * are for reading and choosing; models do not take them.

No number is ever infinite or "not a number": what cannot be told is null. A customer with one order has no rhythm; one with
returns only, or with complaints but no orders, is a prospect with 0 orders; orders of one day are one purchase; a purchase
of nothing but free samples is a purchase worth 0. Averages "the company usually takes" or "in the same categories" are
those of all customers before the as-of date; a score takes the ones that were stored with the champion, and today's demand.

`features` writes the table, this dictionary as JSON and, where order lines have a brand and a category, the loyalty of
each customer in each category. A log too large for memory is worked through in parts of the customers; `--parts` says in
how many.
"""


def dictionary() -> list[dict[str, Any]]:
    """Return one entry per column: name, family, unit, meaning, null, type, model, count, calendar."""
    return [_entry(family, feature) for family, features in FAMILIES.items() for feature in features]


def as_markdown() -> str:
    """Return the dictionary as a page, a table per family."""
    return HEAD + "".join(_section(family, features) for family, features in FAMILIES.items())


def _entry(family: str, feature: Feature) -> dict[str, Any]:
    return {
        "name": feature.name,
        "family": family,
        "unit": feature.unit,
        "meaning": feature.meaning,
        "null": feature.null,
        "type": "text" if feature.is_text else "number",
        "model": feature.model,
        "count": feature.count,
        "calendar": feature.calendar,
    }


def _section(family: str, features: tuple[Feature, ...]) -> str:
    rows = [f"| {f.name}{'' if f.model else ' *'} | {f.meaning} | {f.unit} | {f.null} |\n" for f in features]
    return f"\n## {TITLES[family]}\n\n| column | meaning | unit | null when |\n|---|---|---|---|\n" + "".join(rows)


if __name__ == "__main__":
    print(as_markdown(), end="")  # noqa: T201  # a page for standard output
