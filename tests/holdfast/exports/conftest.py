"""One small shop, written as each vendor writes its exports."""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa
import xlsxwriter

Cells = list[list[object]]


@dataclass(frozen=True)
class Line:
    """One line of an order: pieces of a product at a price, net."""

    order: int
    customer: int
    at: datetime
    sku: str
    brand: str
    quantity: int
    price: float
    state: str = "good"  # or cancelled, refunded

    @property
    def amount(self) -> float:
        return round(self.quantity * self.price, 2)

    @property
    def mail(self) -> str:
        return f"buyer{self.customer}@example.com"


def shop() -> list[Line]:
    """Orders of 40 customers from January to March; every ninth order is cancelled, every eleventh refunded."""
    lines = []
    for order in range(1, 121):
        customer = order * 7 % 40
        at = datetime(2026, 1, 2, 9) + timedelta(days=order * 0.7, minutes=order * 37 % 600)
        state = "cancelled" if order % 9 == 0 else "refunded" if order % 11 == 0 else "good"
        for index in range(1 + order % 3):
            product = (order + 3 * index) % 8
            price = [4.5, 12.0, 7.25, 1249.99, 30.0, 9.9, 15.0, 2.0][product]
            lines.append(
                Line(
                    order,
                    customer,
                    at.replace(second=0, microsecond=0),
                    f"SKU-{product}",
                    f"Brand {product % 3}",
                    1 + index,
                    price,
                    state,
                )
            )
    return lines


LINES = shop()
GOOD = [line for line in LINES if line.state == "good"]


def by_order(lines: list[Line]) -> dict[int, list[Line]]:
    orders: dict[int, list[Line]] = {}
    for line in lines:
        orders.setdefault(line.order, []).append(line)
    return orders


def total_of(lines: list[Line]) -> float:
    return round(sum(line.amount for line in lines), 2)


def write_csv(
    path: Path, header: list[str], rows: Cells, separator: str = ",", encoding: str = "utf-8", preamble: str = ""
) -> None:
    with path.open("w", encoding=encoding, newline="") as file:
        file.write(preamble)
        writer = csv.writer(file, delimiter=separator)
        writer.writerow(header)
        writer.writerows(rows)


@dataclass(frozen=True)
class Expected:
    """What an export is read as: lines as (customer, order, time, amount), and settings."""

    lines: list[tuple[str, str, datetime, float]]
    settings: dict[str, object]


def expected(customer: str, order: str, lines: list[Line] = GOOD, **settings: object) -> Expected:
    """Return the lines with ids from the formats `customer` and `order`."""
    rows = [(customer.format(line.customer), order.format(line.order), line.at, line.amount) for line in lines]
    return Expected(rows, settings)


def per_order(customer: str, order: str, **settings: object) -> Expected:
    """Return one line per order, for exports without lines."""
    rows = [
        (customer.format(lines[0].customer), order.format(number), lines[0].at, total_of(lines))
        for number, lines in by_order(GOOD).items()
    ]
    return Expected(rows, settings)


MAIL = "buyer{}@example.com"


def shopify(folder: Path) -> tuple[list[str], Expected]:
    header = [
        "Name",
        "Email",
        "Financial Status",
        "Created at",
        "Cancelled at",
        "Currency",
        "Subtotal",
        "Shipping",
        "Taxes",
        "Total",
    ]
    header += [
        "Discount Amount",
        "Lineitem quantity",
        "Lineitem name",
        "Lineitem price",
        "Lineitem sku",
        "Vendor",
        "Refunded Amount",
    ]
    rows: Cells = []
    for number, lines in by_order(LINES).items():
        first = lines[0]
        subtotal = total_of(lines)
        status = {"good": "paid", "cancelled": "voided", "refunded": "refunded"}[first.state]
        offset = "-0500" if first.at < datetime(2026, 3, 8, 2) else "-0400"
        for index, line in enumerate(lines):
            own = [status, f"{line.at:%Y-%m-%d %H:%M:%S} {offset}", "", "USD", subtotal, 5, 0, subtotal + 5, 0]
            refund = subtotal + 5 if first.state == "refunded" else 0
            cells = own if index == 0 else [""] * len(own)
            cells[1] = own[1]
            rows.append(
                [
                    f"#{number}",
                    line.mail.upper() if index == 0 else line.mail,
                    *cells,
                    line.quantity,
                    line.sku,
                    line.price,
                    line.sku,
                    line.brand,
                    refund if index == 0 else "",
                ]
            )
    write_csv(folder / "orders_export.csv", header, rows)
    return ["orders_export.csv"], expected(MAIL, "#{}", zone="America/New_York", currency="USD", left_out=True)


def woocommerce(folder: Path) -> tuple[list[str], Expected]:
    header = [
        "Order Number",
        "Order Status",
        "Order Date",
        "Customer User ID",
        "Email (Billing)",
        "SKU",
        "Item Name",
        "Quantity (- Refund)",
    ]
    header += ["Item Cost", "Order Total Amount", "Order Currency"]
    status = {"good": "Completed", "cancelled": "Cancelled", "refunded": "Refunded"}
    rows: Cells = [
        [
            line.order,
            status[line.state],
            f"{line.at:%Y-%m-%d %H:%M}",
            0,
            line.mail,
            line.sku,
            line.sku,
            line.quantity,
            line.price,
            "",
            "EUR",
        ]
        for line in LINES
    ]
    write_csv(folder / "orders.csv", header, rows)
    return ["orders.csv"], expected(MAIL, "{}", currency="EUR", left_out=True)


def woocommerce_database(folder: Path) -> tuple[list[str], Expected]:
    """Refunds have orders of their own, with negative pieces and the refunded order as parent."""
    engine = sa.create_engine(f"sqlite:///{folder}/shop.db")
    status = {"good": "wc-completed", "cancelled": "wc-cancelled", "refunded": "wc-refunded"}
    items, stats = [], {}
    for index, line in enumerate(LINES):
        items.append(
            {
                "order_item_id": index,
                "order_id": line.order,
                "product_id": line.sku,
                "variation_id": 0,
                "customer_id": line.customer,
                "date_created": f"{line.at:%Y-%m-%d %H:%M:%S}",
                "product_qty": line.quantity,
                "product_net_revenue": line.amount,
            }
        )
        stats[line.order] = {
            "order_id": line.order,
            "parent_id": 0,
            "date_created": "",
            "net_total": 1.0,
            "status": status[line.state],
        }
        if line.state == "refunded":
            refund = 1000 + line.order
            later = f"{line.at + timedelta(days=3):%Y-%m-%d %H:%M:%S}"
            items.append(
                items[-1]
                | {
                    "order_item_id": 5000 + index,
                    "order_id": refund,
                    "date_created": later,
                    "product_qty": -line.quantity,
                    "product_net_revenue": -line.amount,
                }
            )
            stats[refund] = stats[line.order] | {"order_id": refund, "parent_id": line.order}
    customers = [{"customer_id": number, "user_id": None, "email": f"Buyer{number}@example.com"} for number in range(40)]
    for name, records in (
        ("wp_wc_order_product_lookup", items),
        ("wp_wc_order_stats", list(stats.values())),
        ("wp_wc_customer_lookup", customers),
    ):
        pl.DataFrame(records).write_database(name, engine)
    engine.dispose()
    refunded = [line for line in LINES if line.state == "refunded"]
    lines = expected(MAIL, "{}", GOOD + refunded).lines
    lines += [(c, o, at + timedelta(days=3), -amount) for c, o, at, amount in expected(MAIL, "{}", refunded).lines]
    return [f"sqlite:///{folder}/shop.db"], Expected(lines, {"left_out": True})


def magento(folder: Path) -> tuple[list[str], Expected]:
    header = ["ID", "Purchase Point", "Purchase Date", "Bill-to Name", "Grand Total (Base)", "Grand Total (Purchased)", "Status"]
    header += ["Customer Email", "Subtotal", "Shipping and Handling", "Total Refunded"]
    status = {"good": "Complete", "cancelled": "Canceled", "refunded": "Closed"}
    rows: Cells = []
    for number, lines in by_order(LINES).items():
        first, total = lines[0], total_of(lines)
        at = f"{first.at:%b} {first.at.day}, {first.at:%Y, %I:%M:%S %p}"
        rows.append(
            [
                f"{number:09}",
                "Main Website",
                at,
                "A B",
                total + 4,
                total + 4,
                status[first.state],
                first.mail,
                f"{total:.4f}",
                4,
                "",
            ]
        )
    write_csv(folder / "export.csv", header, rows)
    return ["export.csv"], per_order(MAIL, "{:09}", left_out=True)


def magento_tables(folder: Path) -> tuple[list[str], Expected]:
    orders = [
        [
            number,
            f"{number:09}",
            "canceled" if lines[0].state == "cancelled" else "closed" if lines[0].state == "refunded" else "complete",
            "x",
            "",
            lines[0].mail,
            1,
            f"{lines[0].at:%Y-%m-%d %H:%M:%S}",
            "EUR",
        ]
        for number, lines in by_order(LINES).items()
    ]
    header = [
        "entity_id",
        "increment_id",
        "state",
        "status",
        "customer_id",
        "customer_email",
        "grand_total",
        "created_at",
        "order_currency_code",
    ]
    write_csv(folder / "sales_order.csv", header, orders)
    items: Cells = []
    for index, line in enumerate(LINES):
        items.append([2 * index, line.order, "", line.sku, line.quantity, line.amount, 0, 0, "2020-01-01 00:00:00"])
        items.append([2 * index + 1, line.order, 2 * index, line.sku, line.quantity, 0, 0, 0, "2020-01-01 00:00:00"])
    header = [
        "item_id",
        "order_id",
        "parent_item_id",
        "sku",
        "qty_ordered",
        "row_total",
        "discount_amount",
        "amount_refunded",
        "created_at",
    ]
    write_csv(folder / "sales_order_item.csv", header, items)
    return ["sales_order_item.csv", "sales_order.csv"], expected(MAIL, "{:09}", currency="EUR", left_out=True)


def prestashop(folder: Path) -> tuple[list[str], Expected]:
    orders = [
        [
            number,
            f"REF{number}",
            lines[0].customer,
            6 if lines[0].state == "cancelled" else 7 if lines[0].state == "refunded" else 5,
            1,
            f"{lines[0].at:%Y-%m-%d %H:%M:%S}",
            1,
        ]
        for number, lines in by_order(LINES).items()
    ]
    write_csv(
        folder / "ps_orders.csv",
        ["id_order", "reference", "id_customer", "current_state", "valid", "date_add", "id_shop"],
        orders,
        ";",
    )
    header = [
        "id_order_detail",
        "id_order",
        "product_id",
        "product_name",
        "product_quantity",
        "product_quantity_refunded",
        "unit_price_tax_excl",
        "product_reference",
    ]
    details: Cells = [
        [i, line.order, i % 8, "x", line.quantity, 0, f"{line.price:.6f}", line.sku] for i, line in enumerate(LINES)
    ]
    write_csv(folder / "ps_order_detail.csv", header, details, ";")
    return ["ps_orders.csv", "ps_order_detail.csv"], expected("{}", "REF{}", left_out=True)


def stripe(folder: Path) -> tuple[list[str], Expected]:
    header = [
        "id",
        "Created date (UTC)",
        "Amount",
        "Amount Refunded",
        "Currency",
        "Captured",
        "Status",
        "Customer ID",
        "Customer Email",
        "Refunded date (UTC)",
    ]
    rows: Cells = []
    for number, lines in by_order(LINES).items():
        total = total_of(lines)
        status = {"good": "Paid", "cancelled": "Failed", "refunded": "Refunded"}[lines[0].state]
        at = f"{lines[0].at:%Y-%m-%d %H:%M}"
        rows.append(
            [
                f"ch_{number}",
                at,
                f"{total:,.2f}",
                total if status == "Refunded" else 0,
                "eur",
                "true",
                status,
                f"cus_{lines[0].customer}",
                lines[0].mail,
                "",
            ]
        )
    write_csv(folder / "unified_payments.csv", header, rows)
    return ["unified_payments.csv"], per_order("cus_{}", "ch_{}", currency="EUR", left_out=True)


def square(folder: Path) -> tuple[list[str], Expected]:
    header = [
        "Date",
        "Time",
        "Time Zone",
        "Category",
        "Item",
        "Qty",
        "SKU",
        "Gross Sales",
        "Discounts",
        "Net Sales",
        "Transaction ID",
        "Event Type",
        "Location",
        "Customer ID",
    ]
    rows: Cells = [
        [
            f"{line.at:%m/%d/%y}",
            f"{line.at:%H:%M:%S}",
            "Pacific Time (US & Canada)",
            "Food",
            line.sku,
            line.quantity,
            "",
            f"${line.amount:,.2f}",
            "$0.00",
            f"${line.amount:,.2f}",
            f"T{line.order}",
            "Payment",
            "Main St",
            f"C{line.customer}",
        ]
        for line in GOOD
    ]
    rows.append(
        [
            "03/30/26",
            "10:00:00",
            "Pacific Time (US & Canada)",
            "Food",
            "SKU-1",
            -1,
            "",
            "($12.00)",
            "$0.00",
            "($12.00)",
            "R1",
            "Refund",
            "Main St",
            "C1",
        ]
    )
    write_csv(folder / "items-2026.csv", header, rows)
    lines = [*expected("C{}", "T{}").lines, ("C1", "R1", datetime(2026, 3, 30, 10), -12.0)]
    return ["items-2026.csv"], Expected(lines, {"zone": "America/Los_Angeles", "currency": "USD"})


def amazon(folder: Path) -> tuple[list[str], Expected]:
    header = [
        "amazon-order-id",
        "purchase-date",
        "order-status",
        "sales-channel",
        "product-name",
        "sku",
        "asin",
        "item-status",
        "quantity",
        "currency",
        "item-price",
        "item-promotion-discount",
        "ship-country",
        "buyer-email",
    ]
    rows: Cells = [
        [
            f"302-{line.order}",
            f"{line.at:%Y-%m-%dT%H:%M:%S}+00:00",
            "Cancelled" if line.state != "good" else "Shipped",
            "Amazon.de",
            line.sku,
            line.sku,
            f"B{line.sku}",
            "Shipped",
            line.quantity,
            "EUR",
            line.amount + 1,
            1,
            "DE",
            line.mail,
        ]
        for line in LINES
    ]
    write_csv(folder / "orders.txt", header, rows, "\t")
    return ["orders.txt"], expected(MAIL, "302-{}", currency="EUR", left_out=True)


def olist(folder: Path) -> tuple[list[str], Expected]:
    items: Cells = [[f"o{line.order}", index, line.sku, "s1", line.amount, 3] for index, line in enumerate(LINES)]
    write_csv(
        folder / "olist_order_items_dataset.csv",
        ["order_id", "order_item_id", "product_id", "seller_id", "price", "freight_value"],
        items,
    )
    orders = [
        [f"o{number}", f"k{number}", "delivered" if lines[0].state == "good" else "canceled", f"{lines[0].at:%Y-%m-%d %H:%M:%S}"]
        for number, lines in by_order(LINES).items()
    ]
    write_csv(
        folder / "olist_orders_dataset.csv", ["order_id", "customer_id", "order_status", "order_purchase_timestamp"], orders
    )
    customers: Cells = [[f"k{number}", f"u{lines[0].customer}", "SP"] for number, lines in by_order(LINES).items()]
    write_csv(folder / "olist_customers_dataset.csv", ["customer_id", "customer_unique_id", "customer_state"], customers)
    products: Cells = [[f"SKU-{number}", f"category {number}"] for number in range(8)]
    write_csv(folder / "olist_products_dataset.csv", ["product_id", "product_category_name"], products)
    reviews: Cells = [
        [f"r{number}", f"o{number}", 1 + number % 5, f"{lines[0].at:%Y-%m-%d} 00:00:00"]
        for number, lines in by_order(LINES).items()
    ]
    write_csv(
        folder / "olist_order_reviews_dataset.csv", ["review_id", "order_id", "review_score", "review_answer_timestamp"], reviews
    )
    names = ["order_items", "orders", "customers", "products", "order_reviews"]
    return [f"olist_{name}_dataset.csv" for name in names], expected(
        "u{}", "o{}", left_out=True, tables={"transactions", "surveys"}
    )


def events(folder: Path) -> tuple[list[str], Expected]:
    """A log of visits: only purchases are orders, one per session."""
    header = ["event_time", "event_type", "product_id", "category_code", "brand", "price", "user_id", "user_session"]
    rows: Cells = [
        [f"{line.at:%Y-%m-%d %H:%M:%S} UTC", event, line.sku, "x", line.brand, line.amount, f"u{line.customer}", f"s{line.order}"]
        for line in GOOD
        for event in ("view", "cart", "purchase")
    ]
    write_csv(folder / "events.csv", header, rows)
    return ["events.csv"], expected("u{}", "s{}", left_out=True)


def klaviyo(folder: Path) -> tuple[list[str], Expected]:
    """An export of events as e-mail tools write it, with seconds since 1970."""
    header = ["profile_id", "email", "metric", "timestamp", "value", "order_id"]
    rows: Cells = []
    for number, lines in by_order(LINES).items():
        first, total = lines[0], total_of(lines)
        seconds = int((first.at - datetime(1970, 1, 1)).total_seconds())
        rows.append([f"P{first.customer}", first.mail, "Opened Email", seconds - 60, "", ""])
        rows.append(
            [
                f"P{first.customer}",
                first.mail,
                "Cancelled Order" if first.state != "good" else "Placed Order",
                seconds,
                total,
                number,
            ]
        )
    write_csv(folder / "klaviyo.csv", header, rows)
    return ["klaviyo.csv"], per_order("P{}", "{}", left_out=True)


def german_csv(folder: Path) -> tuple[list[str], Expected]:
    """A preamble, semicolons, decimal commas, days first, cp1252, guests under one id."""
    header = [
        "Bestellnummer",
        "Kundennummer",
        "Bestelldatum",
        "Artikelnummer",
        "Marke",
        "Menge",
        "Einzelpreis",
        "Währung",
        "Bestellstatus",
    ]
    status = {"good": "versendet", "cancelled": "storniert", "refunded": "erstattet"}
    rows: Cells = [
        [
            line.order,
            f"{line.customer:05}",
            f"{line.at:%d.%m.%Y %H:%M}",
            line.sku,
            "Müller",
            line.quantity,
            f"{line.price:,.2f} €".replace(",", "_").replace(".", ",").replace("_", "."),
            "EUR",
            status[line.state],
        ]
        for line in LINES
    ]
    rows += [[9000 + n, "Gast", "02.01.2026 10:00", "SKU-1", "Müller", 1, "12,00 €", "EUR", "versendet"] for n in range(30)]
    write_csv(folder / "bestellungen.csv", header, rows, ";", "cp1252", "Bestellungen der Firma Müller\r\nStand: Juni\r\n")
    return ["bestellungen.csv"], expected("{:05}", "{}", currency="EUR", left_out=True, guests=30)


def workbook(folder: Path) -> tuple[list[str], Expected]:
    """A sheet per month, dates as cells, one total per line."""
    months: dict[str, list[Line]] = {}
    for line in GOOD:
        months.setdefault(f"Month {line.at:%m}", []).append(line)
    with xlsxwriter.Workbook(folder / "sales.xlsx") as book:
        style = book.add_format({"num_format": "dd.mm.yyyy hh:mm"})
        for month, lines in months.items():
            sheet = book.add_worksheet(month)
            sheet.write_row(0, 0, ["Invoice", "Date", "Customer No.", "Product", "Brand", "Quantity", "Line Total"])
            for index, line in enumerate(lines, 1):
                sheet.write_row(index, 0, [line.order])
                sheet.write_datetime(index, 1, line.at, style)
                sheet.write_row(index, 2, [1000 + line.customer, line.sku, line.brand, line.quantity, line.amount])
        book.add_worksheet("Notes").write(0, 0, "made by hand")
    lines = [(f"{1000 + line.customer}", f"{line.order}", line.at, line.amount) for line in GOOD]
    return ["sales.xlsx"], Expected(lines, {})


def monthly_csv(folder: Path) -> tuple[list[str], Expected]:
    """A file per month; returns are rows of a type of their own, with positive amounts."""
    months: dict[str, Cells] = {}
    rows = [*((line, "Sale") for line in GOOD), *((line, "Return") for line in GOOD[:4])]
    for line, kind in rows:
        months.setdefault(f"{line.at:%Y-%m}", []).append(
            [f"{line.at:%Y-%m-%dT%H:%M}", kind, line.order, f"m{line.customer}", line.sku, line.amount]
        )
    for month, cells in months.items():
        write_csv(
            folder / f"tills-{month}.csv", ["Timestamp", "Transaction Type", "Receipt", "Member", "Item", "Net Sales"], cells
        )
    lines = expected("m{}", "{}").lines
    lines += [(c, o, at, -amount) for c, o, at, amount in expected("m{}", "{}", GOOD[:4]).lines]
    return [f"tills-{month}.csv" for month in months], Expected(lines, {})


def parquet_and_customers(folder: Path) -> tuple[list[str], Expected]:
    """Typed columns, with a second file of customers, whose consent is read."""
    pl.DataFrame(
        [
            {"orderId": line.order, "customerId": line.customer, "orderDate": line.at, "totalPrice": line.amount, "sku": line.sku}
            for line in GOOD
        ]
    ).write_parquet(folder / "orders.parquet")
    pl.DataFrame(
        [
            {"customer_id": n, "created_at": datetime(2025, 12, 1), "country": "DE", "accepts_marketing": n % 2 == 0}
            for n in range(40)
        ]
    ).write_parquet(folder / "customers.parquet")
    return ["orders.parquet", "customers.parquet"], expected("{}", "{}", tables={"transactions", "customers"})


def database(folder: Path) -> tuple[list[str], Expected]:
    """Tables of a shop's own making, joined by key."""
    engine = sa.create_engine(f"sqlite:///{folder}/own.db")
    pl.DataFrame(
        [
            {"id": i, "order_id": line.order, "sku": line.sku, "qty": line.quantity, "unit_price": line.price}
            for i, line in enumerate(LINES)
        ]
    ).write_database("order_lines", engine)
    orders = [
        {
            "id": number,
            "client_id": f"c{lines[0].customer}",
            "placed_at": f"{lines[0].at:%Y-%m-%d %H:%M:%S}",
            "status": lines[0].state,
        }
        for number, lines in by_order(LINES).items()
    ]
    pl.DataFrame(orders).write_database("orders", engine)
    engine.dispose()
    return [f"sqlite:///{folder}/own.db"], expected("c{}", "{}", left_out=True)


VENDORS = [
    *(
        shopify,
        woocommerce,
        woocommerce_database,
        magento,
        magento_tables,
        prestashop,
        stripe,
        square,
        amazon,
        olist,
        events,
        klaviyo,
    )
]
OWN = [german_csv, workbook, monthly_csv, parquet_and_customers, database]


@pytest.fixture(params=VENDORS, ids=[export.__name__ for export in VENDORS])
def vendor_export(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[list[str], Expected]:
    """The files of a vendor's export, in `tmp_path`, and what they should be read as."""
    write: Callable[[Path], tuple[list[str], Expected]] = request.param
    return write(tmp_path)


@pytest.fixture(params=OWN, ids=[export.__name__ for export in OWN])
def own_export(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[list[str], Expected]:
    """The files of a shop without a known vendor, in `tmp_path`, and what they should be read as."""
    write: Callable[[Path], tuple[list[str], Expected]] = request.param
    return write(tmp_path)
