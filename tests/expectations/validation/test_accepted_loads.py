"""A load against the accepted load: errors of a whole source stop the table, healthy loads pass."""

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from expectations.validation.report import TableReport
from expectations.validation.tables import check_tables
from settings.load import load_settings
from settings.sections import Settings

FIRST, NEXT = datetime(2026, 1, 1), datetime(2026, 1, 8)
NEWEST = date(2025, 12, 31)
DAYS, ORDERS_PER_DAY, CUSTOMERS = 420, 3, 60


@dataclass(frozen=True)
class Order:
    customer: str
    order: str
    day: date
    amount: float
    store: str

    @property
    def month(self) -> str:
        return f"{self.day:%Y-%m}"


@dataclass(frozen=True)
class Shop:
    """Order lines, complaints as (id, customer, day), customers, and how the orders are split into files."""

    orders: list[Order]
    complaints: list[tuple[str, str, date]] = field(default_factory=list)
    customers: list[str] = field(default_factory=list)
    file_of: Callable[[Order], str] = lambda _: "orders"
    store_column: bool = True


def an_order(number: int, day: date, prefix: str = "o") -> Order:
    customer = f"customer-{number * 7919 % CUSTOMERS:03d}"
    amount = 400.0 if number == 3 else 10 + number * 31 % 40 + 0.25  # the largest, so that no amount is extreme
    return Order(customer, f"{prefix}-{number}", day, amount, "ABC"[number % 3])


def accepted_shop() -> Shop:
    days = [NEWEST - timedelta(days=DAYS - 1 - number) for number in range(DAYS)]
    orders = [an_order(place * ORDERS_PER_DAY + line, day) for place, day in enumerate(days) for line in range(ORDERS_PER_DAY)]
    complaints = [(f"k{place}", order.customer, order.day) for place, order in enumerate(orders) if place % 7 == 0]
    return Shop(orders, complaints, sorted({order.customer for order in orders}))


SHOP = accepted_shop()
WEEK = [an_order(5_000 + place, NEWEST + timedelta(days=1 + place // ORDERS_PER_DAY), "n") for place in range(21)]
NEXT_WEEK = replace(SHOP, orders=SHOP.orders + WEEK)


def write(folder: Path, shop: Shop) -> Settings:
    """Write the sources of a shop; the newest load replaces all files."""
    shutil.rmtree(folder / "orders", ignore_errors=True)
    (folder / "orders").mkdir()
    files: dict[str, list[Order]] = {}
    for order in shop.orders:
        files.setdefault(shop.file_of(order), []).append(order)
    header = "customer_id,order_id,ordered_at,amount" + (",store" if shop.store_column else "")
    for name, rows in files.items():
        lines = [
            f"{row.customer},{row.order},{row.day},{row.amount}" + (f",{row.store}" if shop.store_column else "") for row in rows
        ]
        (folder / "orders" / f"{name}.csv").write_text("\n".join([header, *lines]) + "\n")
    complaints = [",".join(map(str, row)) for row in shop.complaints]
    (folder / "complaints.csv").write_text("\n".join(["complaint_id,customer_id,opened_at", *complaints]) + "\n")
    (folder / "customers.csv").write_text("\n".join(["customer_id", *shop.customers]) + "\n")
    tables = '[tables]\ntransactions = "orders/*.csv"\ncomplaints = "complaints.csv"\ncustomers = "customers.csv"\n'
    (folder / "holdfast.toml").write_text(tables)
    return load_settings(folder / "holdfast.toml", {})


def check(folder: Path, shop: Shop, now: datetime = NEXT) -> dict[str, TableReport]:
    return {report.table: report for report in check_tables(write(folder, shop), now)}


def problems(reports: dict[str, TableReport]) -> dict[str, str]:
    return {name: report.problem for name, report in reports.items() if report.problem}


@pytest.fixture(scope="module")
def accepted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with SHOP as its accepted load."""
    folder = tmp_path_factory.mktemp("accepted")
    assert problems(check(folder, SHOP, FIRST)) == {}
    return folder


def with_orders(change: Callable[[Order], Order | None], **others: object) -> Shop:
    """The shop a week later, with each order changed, or left out for None."""
    changed = [change(order) for order in NEXT_WEEK.orders]
    return replace(NEXT_WEEK, orders=[order for order in changed if order], **others)  # type: ignore[arg-type]  # of Shop


def times(order: Order, factor: float) -> Order:
    return replace(order, amount=round(order.amount * factor, 2))


def number_of(order: Order) -> int:
    return int(order.order.split("-")[1])


def renamed(customer: str) -> str:
    return customer.replace("customer", "CRM")


def renamed_complaints(share: int = 1) -> list[tuple[str, str, date]]:
    """The complaints with other customer ids in every `share`-th row."""
    rows = enumerate(SHOP.complaints)
    return [(key, renamed(customer) if place % share == 0 else customer, day) for place, (key, customer, day) in rows]


@dataclass(frozen=True)
class WrongLoad:
    """A load with an error of a whole source: the table that is stopped, and what its problem says."""

    name: str
    shop: Shop
    problem: str
    table: str = "transactions"


MIDDLE = NEWEST - timedelta(days=DAYS // 2)
WRONG_LOADS = [
    WrongLoad(
        "amounts in another currency",
        with_orders(lambda order: times(order, 130)),
        r"found 130 \(typical amount from 2024-11-07 to 2025-12-17 went from 2\d\.\d\d to 3,\d+\.\d\d since .* 2026-01-01\)",
    ),
    WrongLoad(
        "old amounts doubled",
        with_orders(lambda order: times(order, 2) if order.day < MIDDLE else order),
        r"typical amount in 2024 went from",
    ),
    WrongLoad(
        "old amounts halved",
        with_orders(lambda order: times(order, 0.5) if order.day < MIDDLE else order),
        r"up to a factor of 1\.5; found 2",
    ),
    WrongLoad(
        "amounts of one month doubled",
        with_orders(lambda order: times(order, 2) if order.month == "2025-03" else order),
        r"typical amount in 2025-03 went",
    ),
    WrongLoad(
        "amounts of one store in cents",
        with_orders(lambda order: times(order, 100) if order.store == "B" else order),
        r"found 100 \(typical amount of store B",
    ),
    WrongLoad(
        "a file in cents, without a column that names the store",
        with_orders(
            lambda order: times(order, 100) if order.store == "B" else order,
            file_of=lambda order: order.store,
            store_column=False,
        ),
        r"typical amount",
    ),
    WrongLoad(
        "new orders in cents",
        with_orders(lambda order: times(order, 100) if order.day > NEWEST else order),
        r"typical amount after 2025-12-31 went",
    ),
    WrongLoad(
        "a new file in cents",
        with_orders(lambda order: times(order, 100) if order.day > NEWEST else order, file_of=lambda order: order.month),
        r"typical amount",
    ),
    WrongLoad(
        "taxes added",
        with_orders(lambda order: times(order, 1.19)),
        r"100\.0% \(1,218 of 1,218 orders .*, typically by a factor of 1\.19\)",
    ),
    WrongLoad(
        "a fifth of the orders deleted",
        with_orders(lambda order: None if number_of(order) % 5 == 0 else order),
        r"At most 10% of the orders of the accepted load are gone; found 2\d\.\d% \(2\d\d of 1,218 orders from 2024-11-07",
    ),
    WrongLoad(
        "a file of one month missing",
        with_orders(lambda order: None if order.month == "2025-05" else order, file_of=lambda order: order.month),
        r"No month .* lost more than half of its rows; found 1 \(2025-05 from 93 rows to 0 since the load of 2026-01-01\)",
    ),
    WrongLoad(
        "only the newest months",
        with_orders(lambda order: order if order.month >= "2025-10" else None),
        r"2026-01-01 started on 2024-11-07, this one starts on 2025-10-01.*raise checks\.transactions\.max_lost_history",
    ),
    WrongLoad(
        "a handful of the orders",
        replace(NEXT_WEEK, orders=WEEK),
        r"max_lost_history|are gone",
    ),
    WrongLoad(
        "orders twice, under other ids",
        replace(NEXT_WEEK, orders=[*NEXT_WEEK.orders, *(replace(row, order=f"copy-{row.order}") for row in SHOP.orders)]),
        r"Totals of past days .* found 2 \(sales from 2024-11-07 to 2025-12-17 went",
    ),
    WrongLoad(
        "customer ids of orders renamed",
        with_orders(lambda order: replace(order, customer=renamed(order.customer))),
        r"belong to another customer; found 100\.0%",
    ),
    WrongLoad(
        "order ids renamed",
        with_orders(lambda order: replace(order, order=f"INV{order.order}")),
        r"have as many orders as before, so order ids may have been renamed",
    ),
    WrongLoad(
        "dates a day later",
        with_orders(lambda order: replace(order, day=order.day + timedelta(days=1)) if order.day < NEWEST else order),
        r"moved to another day",
    ),
    WrongLoad(
        "customer ids of complaints renamed",
        replace(NEXT_WEEK, complaints=renamed_complaints()),
        r"found 100\.0% \(the orders know 0 of 60 customers; in the load of 2026-01-01 they knew 60 of 60\)\. Customer ids may",
        "complaints",
    ),
    WrongLoad(
        "customer ids of every second complaint renamed",
        replace(NEXT_WEEK, complaints=renamed_complaints(2)),
        r"are now unknown|customers of the accepted load are gone",
        "complaints",
    ),
    WrongLoad(
        "customer ids of new complaints renamed",
        replace(
            NEXT_WEEK, complaints=[*SHOP.complaints, *((f"n{n}", f"CRM-{n}", NEWEST + timedelta(days=1)) for n in range(25))]
        ),
        r"the orders know the customers of 0 of 25 new rows",
        "complaints",
    ),
    WrongLoad(
        "half of the complaints deleted",
        replace(NEXT_WEEK, complaints=[row for place, row in enumerate(SHOP.complaints) if place % 2]),
        r"At most 20% of the rows of the accepted load are gone; found 49\.7%",
        "complaints",
    ),
    WrongLoad(
        "customer ids of the customers table renamed",
        replace(NEXT_WEEK, customers=[renamed(customer) for customer in SHOP.customers]),
        r"the orders know 0 of 60 customers",
        "customers",
    ),
]


@pytest.mark.parametrize("wrong", WRONG_LOADS, ids=lambda wrong: wrong.name)
def test_an_error_of_a_whole_source_stops_the_table_and_the_next_right_load_passes(
    wrong: WrongLoad, accepted: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(accepted, tmp_path / "shop"))
    files = {"file_of": wrong.shop.file_of, "store_column": wrong.shop.store_column}
    if files != {"file_of": SHOP.file_of, "store_column": True}:
        shutil.rmtree(folder / "workspace")
        assert problems(check(folder, replace(SHOP, **files), FIRST)) == {}  # type: ignore[arg-type]  # fields of Shop
    stopped = problems(check(folder, wrong.shop))
    assert re.search(wrong.problem, stopped[wrong.table])
    assert '--override "reason"' in stopped[wrong.table]
    assert problems(check(folder, replace(NEXT_WEEK, **files))) == {}  # type: ignore[arg-type]  # fields of Shop


def late_changes(order: Order) -> Order | None:
    """What changes from week to week in every shop: late returns, a cancelled order, a corrected customer."""
    if order.day > NEWEST - timedelta(days=10) and number_of(order) % 4 == 0:
        return times(order, 0.5)
    changed = {17: None, 400: replace(order, customer="customer-001"), 500: times(order, 0.9)}
    return changed.get(number_of(order), order)


@dataclass(frozen=True)
class RightLoad:
    """A healthy load, and the changes of it that are counted."""

    name: str
    shop: Shop
    changes: dict[str, float] = field(default_factory=dict)


RIGHT_LOADS = [
    RightLoad("the same load", SHOP),
    RightLoad("a week later", NEXT_WEEK),
    RightLoad("the same load in another order", replace(SHOP, orders=SHOP.orders[::-1], complaints=SHOP.complaints[::-1])),
    RightLoad(
        "late returns and corrections",
        with_orders(late_changes),
        {"gone_orders": 1 / 1_218, "reassigned_orders": 1 / 1_218, "restated_orders": 1 / 1_218},
    ),
    RightLoad(
        "an export of the last 400 days",
        with_orders(lambda order: order if order.day > NEWEST - timedelta(days=DAYS - 7) else None),
    ),
    RightLoad("stores renamed", with_orders(lambda order: replace(order, store=order.store.replace("B", "A")))),
    RightLoad("files split otherwise", replace(NEXT_WEEK, file_of=lambda order: order.month)),
    RightLoad("more prospects", replace(NEXT_WEEK, customers=[*SHOP.customers, *(f"lead-{number}" for number in range(50))])),
    RightLoad("more complaints", replace(NEXT_WEEK, complaints=[*SHOP.complaints, ("new", "customer-001", NEWEST)])),
]


@pytest.mark.parametrize("right", RIGHT_LOADS, ids=lambda right: right.name)
def test_a_healthy_load_causes_no_warning_and_its_changes_are_counted(right: RightLoad, accepted: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(accepted, tmp_path / "shop"))
    reports = check(folder, right.shop)
    assert problems(reports) == {}
    assert {warning.check.name for report in reports.values() for warning in report.warnings} == set()
    changes = reports["transactions"].as_json()["changes"]
    assert {name: change["value"] for name, change in changes.items()} == pytest.approx(right.changes)
