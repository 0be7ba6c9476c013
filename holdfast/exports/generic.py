"""The proposal for an export of an unknown shop: roles from the names of columns, checked against their cells."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from features.tables.schema import SOURCE_TABLES
from holdfast.exports.cells.dates import time_format
from holdfast.exports.cells.numbers import number_format
from holdfast.exports.cells.sql import literal
from holdfast.exports.cells.time_zones import zone_of_names
from holdfast.exports.columns import SourceColumns, source_columns
from holdfast.exports.currencies import choose_currency
from holdfast.exports.generic_amount import amount_guess
from holdfast.exports.generic_rows import row_conditions
from holdfast.exports.guests import guest_ids
from holdfast.exports.header_words import names_for, normalised
from holdfast.exports.joins import join_missing
from holdfast.exports.proposal import ColumnGuess, Findings, JoinGuess, Proposal, TableGuess
from holdfast.exports.source_sample import Sample

OPTIONAL = ("quantity", "product_id", "brand", "category", "channel", "region", "store", "currency")
NEEDED = ("customer_id", "order_id", "ordered_at", "money")
LEAST_FILLED, LEAST_GUESTS = 0.3, 0.01


@dataclass(frozen=True)
class Roles:
    """The column of each role in one source, by name; roles without a column are missing."""

    sample: Sample
    columns: dict[str, str]

    @property
    def has_money(self) -> bool:
        """Whether the source says how much was paid."""
        return bool({"line_amount", "amount", "price"} & self.columns.keys())

    def covered(self) -> int:
        """Return how many of the needed roles the source has."""
        return sum(role in self.columns for role in NEEDED[:3]) + self.has_money


def roles_of(sample: Sample, today: datetime) -> Roles:
    """Return the roles of a source's columns. A column has one role; those that need dates or numbers hold such cells."""
    taken: dict[str, str] = {}
    for role, fits in _tests(today).items():
        for column in names_for(role, sample.columns):
            cells = sample.cells[column]
            if column not in taken.values() and cells.count() and fits(cells):
                taken[role] = column
                break
    return Roles(sample, taken)


def _tests(today: datetime) -> dict[str, Callable[[pl.Series], bool]]:
    """Return, by role in the order in which columns are given to them, what the cells of its column must be like."""

    def is_time(cells: pl.Series) -> bool:
        return time_format(cells.head(1_000), today) is not None

    def is_number(cells: pl.Series) -> bool:
        return number_format(cells.head(1_000)) is not None

    def is_filled(cells: pl.Series) -> bool:
        return cells.count() >= LEAST_FILLED * len(cells)

    def is_anything(_cells: pl.Series) -> bool:
        return True

    def is_code(cells: pl.Series) -> bool:
        return bool(cells.drop_nulls().str.len_chars().max() == 3)  # noqa: PLR2004  # ISO 4217

    return {
        "ordered_at": is_time,
        "order_id": is_anything,
        "customer_id": is_filled,
        "quantity": is_number,
        "line_amount": is_number,
        "amount": is_number,
        "price": is_number,
        "refund": is_number,
        "discount": is_number,
        "currency": is_code,
        "test": is_anything,
        "status": is_anything,
        "type": is_anything,
        "product_id": is_anything,
        "brand": is_anything,
        "category": is_anything,
        "channel": is_anything,
        "region": is_anything,
        "store": is_anything,
    }


def propose_generic(samples: list[Sample], today: datetime) -> Proposal:
    """Return the proposal for sources of no known vendor; `missing` names required columns that none of them has."""
    findings = Findings()
    roles = [roles_of(sample, today) for sample in samples]
    main = max(roles, key=lambda each: (each.has_money, each.covered(), each.sample.cells.height))
    wanted = [role for role in NEEDED[:3] if role not in main.columns]
    joins = join_missing(main.sample, [each for each in roles if each is not main], wanted)
    columns = source_columns(main.sample, [(join.sample.name, join.sample, join.on) for join in joins], today, findings)
    orders = _orders(main, roles, columns, findings, tuple(joins))
    customers = _customers(orders, roles, columns, findings)
    given = {column.name for column in orders.columns}
    zone = next(
        (zone for name in columns.cells if normalised(name) == "timezone" and (zone := zone_of_names(columns.cells[name]))), None
    )
    findings.zones += [] if zone is None else [zone]
    return Proposal(
        title="orders of a shop",
        tables=(orders,) if customers is None else (orders, customers),
        time_zone=findings.zones[0] if findings.zones else "UTC",
        currency=choose_currency(orders, columns, findings),
        notes=tuple(findings.notes),
        unseen=tuple(findings.unseen),
        missing=tuple(name for name in SOURCE_TABLES["transactions"].required if name not in given),
    )


def _orders(
    main: Roles, roles: list[Roles], columns: SourceColumns, findings: Findings, joins: tuple[JoinGuess, ...]
) -> TableGuess:
    found = _after_joins(main, roles, columns, joins)
    customer, time = found.get("customer_id"), found.get("ordered_at")
    guesses = [_customer(customer, columns, findings)] if customer else []
    guesses += _order_id(found, columns, findings)
    when = columns.time(time) if time else None
    guesses += [ColumnGuess("ordered_at", columns.plain(when))] if when else []
    conditions, returned = row_conditions(found, columns, findings)
    guesses += [guess for guess in [amount_guess(found, columns, findings, returned)] if guess is not None]
    guesses += [ColumnGuess(role, _optional(role, found[role], columns)) for role in OPTIONAL if role in found]
    return TableGuess("transactions", main.sample, tuple(guesses), joins=joins, where=conditions)


def _after_joins(main: Roles, roles: list[Roles], columns: SourceColumns, joins: tuple[JoinGuess, ...]) -> dict[str, str]:
    """Return the column of each role after the joins; columns of the main source count first."""
    found = dict(main.columns)
    for join in joins:
        other = next(each for each in roles if each.sample is join.sample)
        for role, column in other.columns.items():
            name = columns.find(column, join.sample.name)
            if role not in found and name is not None and name not in found.values():
                found[role] = name
    return found


def _optional(role: str, column: str, columns: SourceColumns) -> str:
    number = columns.number(column) if role == "quantity" else None
    return column if number is None else columns.plain(number)


def _customer(column: str, columns: SourceColumns, findings: Findings) -> ColumnGuess:
    cells = columns.cells[column]
    guests = guest_ids(cells.drop_nulls())
    mail = column if _are_addresses(cells) else _address_of_guests(cells, guests, columns)
    if mail is not None:
        findings.note("Customers are known by their e-mail address, in lower case.")
        comment = "guests have no id, so all customers have their address" if mail != column else "e-mail addresses"
        return ColumnGuess("customer_id", f"LOWER({columns.text(mail)})", comment)
    source = column
    for guest in guests:
        source = f"NULLIF({columns.text(column) if source == column else source}, {literal(guest)})"
        findings.note(f"{guest} in {column} stands for all customers without an account; such rows are set aside.")
    return ColumnGuess("customer_id", source, "guests have no id" if guests else "")


def _are_addresses(cells: pl.Series) -> bool:
    return bool((cells.drop_nulls().str.contains("@")).mean() > 0.5)  # type: ignore[operator]  # noqa: PLR2004  # most


def _address_of_guests(cells: pl.Series, guests: list[str], columns: SourceColumns) -> str | None:
    """Return the column with the e-mail addresses of customers without an id; None if all have one, or guests have no address."""
    is_guest = cells.is_null() | cells.is_in(guests)
    if float(is_guest.mean() or 0.0) < LEAST_GUESTS:  # type: ignore[arg-type]  # a mean of booleans
        return None
    addresses = [name for name in columns.cells if "mail" in name.lower() and _are_addresses(columns.cells[name])]
    filled = [name for name in addresses if columns.cells[name].count() > len(cells) - is_guest.sum()]
    return next(iter(filled), None)


def _order_id(found: dict[str, str], columns: SourceColumns, findings: Findings) -> list[ColumnGuess]:
    if "order_id" in found:
        return [ColumnGuess("order_id", found["order_id"])]
    if not {"customer_id", "ordered_at"} <= found.keys():
        return []
    findings.could_not_see("The number of an order: all rows of a customer at one time count as one order.")
    source = f"{columns.text(found['customer_id'])} || ' ' || {columns.text(found['ordered_at'])}"
    return [ColumnGuess("order_id", source, "no column with an order number: customer and time")]


def _customers(orders: TableGuess, roles: list[Roles], columns: SourceColumns, findings: Findings) -> TableGuess | None:
    """Return the customers table, if a source has one row per customer and is neither the orders nor joined to them."""
    used = [orders.main, *(join.sample for join in orders.joins)]
    source = next((guess.source for guess in orders.columns if guess.name == "customer_id"), "")
    column = next((name for name in columns.cells if source in {name, f"LOWER({columns.text(name)})"}), None)
    if column is None:
        return None
    ids = columns.cells[column].drop_nulls().str.to_lowercase().unique()
    for each in roles:
        key = _key_of_customers(each.sample, ids)
        if key is None or any(each.sample is sample for sample in used):
            continue
        own = source_columns(each.sample, [], columns.today, findings)
        guesses = [ColumnGuess("customer_id", key if source == column else f"LOWER({own.text(key)})")]
        guesses += [
            guess for role in ("joined_at", "region", "channel", "marketing_consent") if (guess := _of_customer(role, each, own))
        ]
        return TableGuess("customers", each.sample, tuple(guesses))
    return None


def _key_of_customers(sample: Sample, ids: pl.Series) -> str | None:
    """Return the column that has each customer once, ids in lower case; None if there is none."""
    for name in names_for("customer_id", sample.columns):
        cells = sample.cells[name].drop_nulls().str.to_lowercase()
        if cells.is_in(ids.implode()).any() and not cells.is_duplicated().any():
            return name
    return None


def _of_customer(role: str, roles: Roles, columns: SourceColumns) -> ColumnGuess | None:
    name = next(iter(names_for(role, roles.sample.columns)), None)
    if name is None or role != "joined_at":
        return None if name is None else ColumnGuess(role, name)
    time = columns.time(name)
    return None if time is None else ColumnGuess(role, columns.plain(time))
