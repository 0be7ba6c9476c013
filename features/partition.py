"""A share of the customers by hash: the unit of work, on one machine or on many."""

from dataclasses import dataclass

import polars as pl

SEED = 20_050


@dataclass(frozen=True)
class Part:
    """Part `number` (from 0) of `of`; the same customers in every table, whatever else the tables hold."""

    number: int = 0
    of: int = 1

    def holds(self, column: str = "customer_id") -> pl.Expr:
        """Whether the customer named in `column` belongs to this part; null where nobody is named."""
        return part_of(self.of, column) == self.number


def part_of(parts: int, column: str = "customer_id") -> pl.Expr:
    """Return the number of the part, from 0 to parts - 1."""
    return pl.col(column).hash(seed=SEED) % parts


WHOLE = Part()
