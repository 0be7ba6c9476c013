"""Ids that stand for all customers without an account."""

import polars as pl

PLACEHOLDERS = (
    *(
        "0",
        "-1",
        "1900",
        "99999",
        "999999",
        "guest",
        "gast",
        "invité",
        "invite",
        "invitado",
        "ospite",
        "none",
        "null",
        "n/a",
        "na",
    ),
    *("nan", "unknown", "anonymous", "walk-in", "walk in", "default", "-", "?", "cash", "barverkauf", "noreply@example.com"),
)


def guest_ids(cells: pl.Series) -> list[str]:
    """Return the ids of a column, without nulls, that are a word for nobody and stand in more rows than any real customer's."""
    counts = cells.value_counts(sort=True, name="rows")
    names = counts[cells.name].to_list()
    suspects = [name for name in names if name.strip().lower() in PLACEHOLDERS]
    most = counts.filter(~pl.col(cells.name).is_in(suspects))["rows"].max()
    by_name = dict(zip(names, counts["rows"].to_list(), strict=True))
    return [name for name in suspects if not name.lstrip("-").isdigit() or by_name[name] > (most or 0)]
