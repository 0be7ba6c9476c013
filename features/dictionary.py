"""The feature dictionary: what every column of the feature table is, for programs and for people.

Run: python -m features.dictionary > docs/features.md
"""

from typing import Any

from features.build import FAMILIES
from features.families.feature import Feature

TITLES = {
    "recency": "Recency and frequency",
    "cadence": "Purchase rhythm",
    "spend": "Spend",
    "basket": "Basket",
    "demand": "Current demand for the customer's products",
    "loyalty": "Brand loyalty",
    "complaints": "Complaints",
    "satisfaction": "Satisfaction",
    "contacts": "Contacts",
    "lifecycle": "Status and lifecycle stage",
    "context": "Place and time",
}
HEAD = """# Features

The feature table has one row per customer known before the as-of date, sorted by `customer_id`, with `as_of` and the
columns below. Every column uses only what was known before that date, 00:00 UTC. This page is generated from the code by
`python -m features.dictionary`.

Counts are 0 for a customer without a row in a table that is present, and null where the table is absent. Columns marked
with * are for people and for choosing customers; models do not use them.

No number is ever infinite or "not a number": an undefined value is null. So a customer with one order has no rhythm. A
customer with returns only, or with complaints but no orders, is a prospect with 0 orders. Orders of one day are one purchase,
and a purchase of free samples only is a purchase worth 0. Averages for the company or for a category are those of all
customers before the as-of date. A score takes them from the champion, with current product demand.

`features` writes the table, this dictionary as JSON and, where order lines have a brand and a category, the loyalty of
each customer in each category. A log that does not fit into memory is processed in parts of the customers; `--parts` sets
their number.
"""


def feature_dictionary() -> list[dict[str, Any]]:
    """Return one entry per column: name, family, unit, meaning, null, type, model, count, calendar."""
    return [_entry(family, feature) for family, features in FAMILIES.items() for feature in features]


def render_markdown() -> str:
    """Return the dictionary as a page with one table per family."""
    return HEAD + "".join(_section(family, features) for family, features in FAMILIES.items())


def _entry(family: str, feature: Feature) -> dict[str, Any]:
    return {
        "name": feature.name,
        "family": family,
        "unit": feature.unit,
        "meaning": feature.meaning,
        "null": feature.null_when,
        "type": "text" if feature.is_text else "number",
        "model": feature.is_model_input,
        "count": feature.is_count,
        "calendar": feature.is_calendar,
    }


def _section(family: str, features: tuple[Feature, ...]) -> str:
    rows = [f"| {f.name}{'' if f.is_model_input else ' *'} | {f.meaning} | {f.unit} | {f.null_when} |\n" for f in features]
    return f"\n## {TITLES[family]}\n\n| column | meaning | unit | null when |\n|---|---|---|---|\n" + "".join(rows)


if __name__ == "__main__":
    print(render_markdown(), end="")  # noqa: T201  # a page for standard output
