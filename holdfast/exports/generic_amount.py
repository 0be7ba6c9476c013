"""The net revenue of a line: an amount, or price times quantity, or the total of an order; less refunds and returns."""

import polars as pl

from holdfast.exports.cells.numbers import number_format
from holdfast.exports.columns import SourceColumns
from holdfast.exports.proposal import ColumnGuess, Findings

CLOSE, CENT = 0.98, 0.011


def amount_guess(found: dict[str, str], columns: SourceColumns, findings: Findings, returned: str | None) -> ColumnGuess | None:
    """Return the guess of `amount`; None if no column says what was paid. `returned` is a condition for rows that are returns."""
    sql, comment = _amount(found, columns, findings)
    if sql is None:
        return None
    refund = columns.number(found["refund"]) if "refund" in found else None
    if refund is not None:
        sql, comment = f"{sql} - COALESCE({refund}, 0)", f"{comment}, less refunds"
        findings.could_not_see("The date of a refund: amounts are net of it from the day of the order on.")
    if returned is not None:
        sql, comment = f"CASE WHEN {returned} THEN -({sql}) ELSE {sql} END", f"{comment}; returns are negative"
    return ColumnGuess("amount", columns.plain(sql), comment)


def _amount(found: dict[str, str], columns: SourceColumns, findings: Findings) -> tuple[str | None, str]:
    price, quantity = found.get("price"), found.get("quantity")
    total = found.get("line_amount") or found.get("amount")
    if price and quantity and (total is None or _is_repeated_total(total, found, columns)):
        if total is not None:
            findings.note(f"{total} repeats the total of the order on each of its lines, so lines are {price} x {quantity}.")
        return _product(price, quantity, columns), "price x quantity"
    if total is not None:
        if _is_repeated_total(total, found, columns):
            findings.could_not_see(
                f"The amount of a line: {total} repeats the total of the order on each line, so orders count several times. "
                "Export amounts per line, or map a price and a quantity."
            )
        if quantity and _is_price(total, found, columns):
            return _product(total, quantity, columns), "price x quantity"
        return columns.number(total), "as it stands"
    if price:
        findings.note(f"{price} is the amount of a line: there is no quantity.")
        return columns.number(price), "one piece per line"
    return None, ""


def _product(price: str, quantity: str, columns: SourceColumns) -> str | None:
    factors = columns.number(price), columns.number(quantity)
    return None if None in factors else " * ".join(str(factor) for factor in factors)


def _is_product(total: str, found: dict[str, str], columns: SourceColumns) -> bool:
    """Whether an amount is price times quantity in nearly all rows."""
    names = [found.get("price"), found.get("quantity"), total]
    queries = [None if name is None else columns.number(name) for name in names]
    if None in queries:
        return False
    frame = pl.LazyFrame({name: columns.cells[name] for name in names if name is not None})
    values = frame.select(pl.sql_expr(f"CAST({query} AS DOUBLE)").alias(str(index)) for index, query in enumerate(queries))
    is_equal = ((pl.col("0") * pl.col("1") - pl.col("2")).abs() < CENT).mean()
    return float(values.select(is_equal).collect().item() or 0.0) >= CLOSE


def _is_repeated_total(total: str, found: dict[str, str], columns: SourceColumns) -> bool:
    """Whether a column has one value in all lines of an order, in orders of several lines with different products or prices."""
    if "order_id" not in found or columns.cells[total].n_unique() == 1 or _is_product(total, found, columns):
        return False
    others = [found[role] for role in ("product_id", "price") if role in found and found[role] != total]
    lines = pl.DataFrame(
        {"order": columns.cells[found["order_id"]], "total": columns.cells[total]}
        | {f"o{i}": columns.cells[name] for i, name in enumerate(others)}
    )
    orders = (
        lines.drop_nulls("order")
        .group_by("order")
        .agg(
            pl.len(),
            pl.col("total").n_unique().alias("totals"),
            *(pl.col(f"o{i}").n_unique().alias(f"o{i}") for i in range(len(others))),
        )
    )
    several = orders.filter(pl.any_horizontal(pl.col(f"o{i}") > 1 for i in range(len(others))) if others else pl.col("len") > 1)
    return several.height > 0 and float((several["totals"] == 1).mean() or 0.0) >= CLOSE  # type: ignore[arg-type]


def _is_price(total: str, found: dict[str, str], columns: SourceColumns) -> bool:
    """Whether an amount does not grow with the quantity: lines of one product have one amount, whatever their quantity."""
    quantity, product = found.get("quantity"), found.get("product_id")
    if quantity is None or product is None or number_format(columns.cells[total]) is None:
        return False
    lines = pl.DataFrame(
        {"product": columns.cells[product], "total": columns.cells[total], "quantity": columns.cells[quantity]}
    ).drop_nulls()
    products = lines.group_by("product").agg(
        pl.col("quantity").n_unique().alias("quantities"), pl.col("total").n_unique().alias("totals")
    )
    several = products.filter(pl.col("quantities") > 1)
    return several.height > 0 and float((several["totals"] == 1).mean() or 0.0) >= CLOSE  # type: ignore[arg-type]
