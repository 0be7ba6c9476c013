"""The shop's currency: from a column of currencies, or from signs in the amounts."""

import polars as pl

from holdfast.exports.columns import SourceColumns
from holdfast.exports.proposal import Findings, TableGuess

COLUMN = "currency"


def choose_currency(orders: TableGuess, columns: SourceColumns, findings: Findings) -> str | None:
    """Return the currency of most order lines; None if the export does not say."""
    source = next((column.source for column in orders.columns if column.name == COLUMN), None)
    cells = columns.cells.get(source or "")
    if cells is None or not cells.count():
        return _from_signs(findings)
    counts = cells.drop_nulls().str.to_uppercase().value_counts(sort=True, name="lines")
    codes = counts[cells.name].to_list()
    if len(codes) > 1:
        findings.could_not_see(
            f"The exchange rates: the orders are in {', '.join(codes[:5])}. Amounts in another currency than {codes[0]} are set "
            "aside until [tables] has rates (docs/tables.md)."
        )
    return str(codes[0])


def _from_signs(findings: Findings) -> str | None:
    if not findings.currencies:
        findings.could_not_see("The currency: set value.currency.")
        return None
    return str(pl.Series(findings.currencies).mode().sort()[0])
