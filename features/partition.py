"""A share of the customers by hash: the unit of work, on one machine or on many."""

from dataclasses import dataclass

import polars as pl

HASH_SEED = 20_050


@dataclass(frozen=True)
class Part:
    """Part `number` (from 0) of `parts`. It holds the same customers in every table, whichever rows the tables have."""

    number: int = 0
    parts: int = 1

    def holds(self, column: str = "customer_id") -> pl.Expr:
        """Whether the customer in `column` belongs to this part; null where `column` is null."""
        return part_number(self.parts, column) == self.number


def part_number(parts: int, column: str = "customer_id") -> pl.Expr:
    """Return the part of the customer in `column`, from 0 to parts - 1."""
    return pl.col(column).hash(seed=HASH_SEED) % parts


ALL_CUSTOMERS = Part()
