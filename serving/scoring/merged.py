"""Merged customers in scoring: what one id refused or objected to holds for all ids of the customer."""

import polars as pl

from features.frames.aliases import ID, NEW, OLD, SURVIVOR, known_aliases, members, survivor_of, survivors
from features.frames.columns import CUSTOMER
from features.storage.hashing import HashedIds
from features.tables.schema import Tables

NOT_MERGED = pl.DataFrame(schema={OLD: pl.String, NEW: pl.String})


def merged_ids(tables: Tables) -> pl.DataFrame:
    """Return old_id and new_id of every merged customer, by all that is known today: no refusal waits for an as-of date."""
    return NOT_MERGED if tables.aliases is None else survivors(known_aliases(tables.aliases))


def is_withheld(withheld: HashedIds, merged: pl.DataFrame) -> pl.Expr:
    """Whether any id of the customer in customer_id is withheld; never null."""
    groups = members(merged).filter(withheld.holds(ID))[SURVIVOR].unique()
    return withheld.holds() | survivor_of(CUSTOMER, merged).is_in(groups.implode()).fill_null(value=False)
