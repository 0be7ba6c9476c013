"""Exports of no known vendor: roles from names and cells, and what could not be seen."""

import csv
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from holdfast.exports.proposal import Proposal
from holdfast.exports.recognise import recognise
from holdfast.exports.source_sample import ExportError

TODAY = datetime(2026, 11, 27)
ORDERS = [(number, number * 7 % 30, datetime(2026, 1, 2, 9) + timedelta(days=number)) for number in range(1, 101)]


def propose(path: Path, header: str, cells: list[list[object]], separator: str = ",") -> Proposal:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=separator).writerows([header.split("|"), *cells])
    return recognise([str(path)], TODAY)


def columns(proposal: Proposal) -> dict[str, str]:
    return {column.name: column.source for column in proposal.tables[0].columns}


def conditions(proposal: Proposal) -> list[str]:
    return [sql for sql, _ in proposal.tables[0].where]


def test_the_sum_without_tax_is_the_amount_and_guests_are_known_by_their_address(tmp_path: Path) -> None:
    header = (
        "Order ID|Customer ID|Customer Email|Order Date|Order Status|Subtotal (inc tax)|Subtotal (ex tax)|Tax Total|Shipping Cost"
    )
    cells: list[list[object]] = [
        [
            order,
            0 if who % 5 == 0 else who,
            f"b{who}@x.org",
            f"{at:%m/%d/%Y}",
            "Declined" if order % 9 == 0 else "Shipped",
            60,
            50,
            10,
            5,
        ]
        for order, who, at in ORDERS
    ]
    proposal = propose(tmp_path / "orders.csv", header, cells)
    assert columns(proposal) == {
        "customer_id": 'LOWER("Customer Email")',
        "order_id": "Order ID",
        "ordered_at": "STRPTIME(\"Order Date\", '%m/%d/%Y')",
        "amount": "Subtotal (ex tax)",
    }
    assert conditions(proposal) == ["COALESCE(\"Order Status\", '') NOT IN ('Declined')"]


def test_a_placeholder_without_an_address_is_no_customer(tmp_path: Path) -> None:
    cells: list[list[object]] = [[order, "guest" if order % 3 == 0 else who, f"{at:%Y-%m-%d}", 5.5] for order, who, at in ORDERS]
    proposal = propose(tmp_path / "orders.csv", "order|customer|date|total", cells)
    assert columns(proposal)["customer_id"] == "NULLIF(\"customer\", 'guest')"


def test_words_for_number_and_taxes_are_understood_in_french(tmp_path: Path) -> None:
    cells: list[list[object]] = [
        [
            order,
            who,
            f"{at:%d/%m/%Y}",
            f"r{line}",
            2,
            f"{10 + line},50",
            f"{21 + 2 * line},00",
            "Annulée" if order == 9 else "Livrée",
        ]
        for order, who, at in ORDERS
        for line in range(2)
    ]
    header = "N° commande|N° client|Date de commande|Référence|Quantité|Prix unitaire HT|Montant HT|État"
    proposal = propose(tmp_path / "orders.csv", header, cells, ";")
    found = columns(proposal)
    assert (found["order_id"], found["customer_id"]) == ("N° commande", "N° client")
    assert found["amount"] == "CAST(REPLACE(\"Montant HT\", ',', '.') AS DOUBLE)"
    assert conditions(proposal) == ["COALESCE(\"État\", '') NOT IN ('Annulée')"]


def test_a_total_that_is_repeated_on_each_line_is_not_added_up(tmp_path: Path) -> None:
    cells: list[list[object]] = [
        [order, who, f"{at:%Y-%m-%d}", f"s{line}", 1 + line, 10 + line, 50 + order]
        for order, who, at in ORDERS
        for line in range(2)
    ]
    proposal = propose(tmp_path / "a.csv", "Order ID|Customer ID|Created|SKU|Qty|Price|Order Total", cells)
    assert columns(proposal)["amount"] == '"Price" * "Qty"'
    assert "Order Total repeats the total of the order on each of its lines, so lines are Price x Qty." in proposal.notes
    without_price = [[*row[:5], row[6]] for row in cells]
    proposal = propose(tmp_path / "b.csv", "Order ID|Customer ID|Created|SKU|Qty|Order Total", without_price)
    assert any("repeats the total of the order on each line" in sentence for sentence in proposal.unseen)


def test_a_price_that_does_not_grow_with_the_quantity_is_multiplied(tmp_path: Path) -> None:
    cells: list[list[object]] = [
        [order, who, f"{at:%Y-%m-%d}", f"s{order % 4}", 1 + order % 3, 10 + order % 4] for order, who, at in ORDERS
    ]
    proposal = propose(tmp_path / "a.csv", "Order|Customer|Date|SKU|Qty|Amount", cells)
    assert columns(proposal)["amount"] == '"Amount" * "Qty"'


def test_of_a_log_of_events_the_purchases_count(tmp_path: Path) -> None:
    cells: list[list[object]] = [
        [event, f"u{who}", int(at.timestamp() * 1000), order if event == "order" else "", 30 if event == "order" else ""]
        for order, who, at in ORDERS
        for event in ("view_page", "add_to_cart", "order")
    ]
    proposal = propose(tmp_path / "events.csv", "event_type|user_id|timestamp|order_id|amount", cells)
    assert conditions(proposal) == ["\"event_type\" IN ('order')"]
    assert columns(proposal)["ordered_at"] == 'CAST(CAST("timestamp" AS BIGINT) * 1000 AS TIMESTAMP)'


def test_without_a_number_of_the_order_customer_and_time_are_one(tmp_path: Path) -> None:
    cells: list[list[object]] = [[who, f"{at:%Y-%m-%d %H:%M}", 5.5, "x"] for _, who, at in ORDERS]
    proposal = propose(tmp_path / "orders.csv", "customer|date|amount|comment", cells)
    assert columns(proposal)["order_id"] == '"customer" || \' \' || "date"'
    assert any(sentence.startswith("The number of an order") for sentence in proposal.unseen)


def test_test_orders_are_left_out(tmp_path: Path) -> None:
    cells: list[list[object]] = [
        [order, who, f"{at:%Y-%m-%d}", 5.5, "true" if order == 3 else "false"] for order, who, at in ORDERS
    ]
    proposal = propose(tmp_path / "orders.csv", "order|customer|date|amount|test", cells)
    assert conditions(proposal) == ["COALESCE(\"test\", '') NOT IN ('true')"]


def test_several_currencies_ask_for_rates(tmp_path: Path) -> None:
    cells: list[list[object]] = [
        [order, who, f"{at:%Y-%m-%d}", 5.5, "USD" if order % 3 == 0 else "EUR"] for order, who, at in ORDERS
    ]
    proposal = propose(tmp_path / "orders.csv", "order|customer|date|amount|currency", cells)
    assert proposal.currency == "EUR"
    assert any(sentence.startswith("The exchange rates: the orders are in EUR, USD.") for sentence in proposal.unseen)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    cells: list[list[object]] = [[order, f"{at:%Y-%m-%d}", "x"] for order, _, at in ORDERS]
    proposal = propose(tmp_path / "orders.csv", "order|date|remark", cells)
    assert proposal.missing == ("customer_id", "amount")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("1,7,2026-01-05,5.5\n2,8,2026-01-06,6.5\n", "orders.csv has no header: its first line holds data"),
        ("order,customer,date,amount\n", "orders.csv has no rows"),
        ("", "orders.csv"),
    ],
)
def test_a_file_without_header_or_rows_is_refused(tmp_path: Path, content: str, sentence: str) -> None:
    (tmp_path / "orders.csv").write_text(content, encoding="utf-8")
    with pytest.raises(ExportError, match=sentence):
        recognise([str(tmp_path / "orders.csv")], TODAY)


def test_a_missing_file_and_a_database_that_does_not_answer_are_refused_without_the_password(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="There is no file"):
        recognise([str(tmp_path / "none.csv")], TODAY)
    with pytest.raises(ExportError, match="cannot be read") as refusal:
        recognise(["postgresql://me:Pl4nted@127.0.0.1:1/shop"], TODAY)
    assert "Pl4nted" not in str(refusal.value)
