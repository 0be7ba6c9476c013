"""The fault gallery: one fault at a time in good tables. Each states its cost; everything else must stay in use."""

import gzip
import io
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from expectations.validation.report import TableReport
from expectations.validation.tables import check_tables
from settings.load import load_settings

HEADER = "customer_id,order_id,ordered_at,amount,quantity,brand"
NEWEST = date(2025, 12, 31)
NOW = datetime(2026, 1, 1)
DAYS, ROWS_PER_DAY = 120, 10
Files = dict[str, bytes]


def good_row(number: int, day: date) -> str:
    return f"{number % 97:03d},o{number},{day},{10 + number % 30}.5,{1 + number % 3},Brand {number % 5}"


def good_rows() -> list[str]:
    days = [NEWEST - timedelta(days=DAYS - 1 - number) for number in range(DAYS)]
    return [good_row(number * ROWS_PER_DAY + line, day) for number, day in enumerate(days) for line in range(ROWS_PER_DAY)]


GOOD = good_rows()
ROWS = len(GOOD)


def csv(rows: list[str], header: str = HEADER) -> bytes:
    return ("\n".join([header, *rows]) + "\n").encode()


def single_file(content: bytes) -> Files:
    return {"orders.csv": content}


def with_row(row: str | bytes) -> Files:
    """One row, or a few, in the middle of good ones."""
    text = row if isinstance(row, bytes) else row.encode()
    return single_file(csv(GOOD[: ROWS // 2]) + text + b"\n" + csv(GOOD[ROWS // 2 :]).split(b"\n", 1)[1])


def parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


def frame(rows: list[str]) -> pl.DataFrame:
    return pl.read_csv(csv(rows), schema_overrides={"customer_id": pl.String}, try_parse_dates=True)


@dataclass(frozen=True)
class Fault:
    """The files, and what is expected: rows used, rows per rule, values of warnings, or the reason why the table is stopped.

    `same_rows` expects every good row unchanged among the rows in use.
    """

    name: str
    files: Files
    used: int = ROWS
    rules: dict[str, int] = field(default_factory=dict)
    warnings: dict[str, float] = field(default_factory=dict)
    stopped: str = ""
    same_rows: bool = True


def costs_only_itself(name: str, row: str | bytes, rule: str) -> Fault:
    return Fault(name, with_row(row), rules={rule: 1})


def accepted(name: str, row: str | bytes, warnings: dict[str, float] | None = None) -> Fault:
    return Fault(name, with_row(row), used=ROWS + 1, warnings=warnings or {})


def stops_table(name: str, files: Files, problem: str) -> Fault:
    return Fault(name, files, used=0, stopped=problem)


def swapped_days() -> list[str]:
    """The good rows, in the second half with day and month swapped: days after the 12th cannot be read."""
    second_half = [row.split(",") for row in GOOD[ROWS // 2 :]]
    for cells in second_half:
        year, month, day = cells[2].split("-")
        cells[2] = f"{year}-{day}-{month}"
    return [*GOOD[: ROWS // 2], *(",".join(cells) for cells in second_half)]


SWAPPED = sum(int(row.split(",")[2].split("-")[2]) > 12 for row in GOOD[ROWS // 2 :])
FUTURE = sum(
    int(day) <= 12 and date(int(year), int(day), int(month)) > NOW.date() + timedelta(days=1)
    for year, month, day in (row.split(",")[2].split("-") for row in GOOD[ROWS // 2 :])
)
IN_CENTS = [",".join([*(cells := row.split(","))[:3], f"{float(cells[3]) * 100:.0f}", *cells[4:]]) for row in GOOD[ROWS // 2 :]]

FEW_GOOD = [*GOOD[:10], *(row.replace(row.split(",")[0], "", 1) for row in GOOD[10:])]

GALLERY = [
    # types
    costs_only_itself("a word for a number", "007,x,2025-12-01,five,1,B", "unreadable_amount"),
    costs_only_itself("a word for a date", "007,x,soon,5,1,B", "unreadable_ordered_at"),
    costs_only_itself("a word in an optional number", "007,x,2025-12-01,5,one,B", "unreadable_quantity"),
    costs_only_itself("a day that does not exist", "007,x,2025-02-30,5,1,B", "unreadable_ordered_at"),
    costs_only_itself("infinity", "007,x,2025-12-01,inf,1,B", "not_finite_amount"),
    costs_only_itself("not a number", "007,x,2025-12-01,NaN,1,B", "not_finite_amount"),
    costs_only_itself("an absurdly large number", "007,x,2025-12-01,1e300,1,B", "absurd_amount"),
    costs_only_itself("a spreadsheet's error", "007,x,2025-12-01,#VALUE!,1,B", "unreadable_amount"),
    costs_only_itself("a thousands separator", '007,x,2025-12-01,"1,234.5",1,B', "unreadable_amount"),
    costs_only_itself("a decimal comma", '007,x,2025-12-01,"12,5",1,B', "unreadable_amount"),
    costs_only_itself("a currency sign", "007,x,2025-12-01,€12.5,1,B", "unreadable_amount"),
    stops_table(
        "amounts in decimal commas throughout",
        single_file(csv([row.replace(".5", ";5") for row in GOOD]).replace(b";", b"\xc2\xb7")),
        "the column amount has no readable number in any of 1200 rows",
    ),
    stops_table(
        "day-first dates throughout",
        single_file(csv([",".join([*(c := row.split(","))[:2], "/".join(c[2].split("-")[::-1]), *c[3:]]) for row in GOOD])),
        "For another date format write STRPTIME",
    ),
    # keys
    costs_only_itself("no customer", ",x,2025-12-01,5,1,B", "missing_customer_id"),
    costs_only_itself("a customer of blanks", "   ,x,2025-12-01,5,1,B", "missing_customer_id"),
    costs_only_itself("no order", "007,,2025-12-01,5,1,B", "missing_order_id"),
    accepted("ids 007 and 7", "7,x,2025-12-01,5.5,1,B", warnings={"alike_ids": 1}),
    Fault(
        "ids in another case",
        with_row("Abc,x,2025-12-01,5.5,1,B\nABC,y,2025-12-01,5.5,1,B"),
        used=ROWS + 2,
        warnings={"alike_ids": 1},
    ),
    costs_only_itself("an id that a spreadsheet shortened", "7.12E+12,x,2025-12-01,5,1,B", "shortened_customer_id"),
    costs_only_itself("an order id with a decimal comma", '007,"7,12e+12",2025-12-01,5,1,B', "shortened_order_id"),
    accepted("an id that only looks like it", "7E12,x,2025-12-01,5.5,1,B"),
    costs_only_itself("an id marked as text by a spreadsheet", "'007,x,2025-12-01,5,1,B", "apostrophe_customer_id"),
    stops_table(
        "all ids shortened by a spreadsheet",
        single_file(csv([f"{1 + number % 9}.12E+12{row[3:]}" for number, row in enumerate(GOOD)])),
        "none of its 1200 rows is usable (1,200 shortened_customer_id: customer_id was shortened by a spreadsheet",
    ),
    stops_table(
        "two amounts in three unreadable",
        single_file(csv([row.replace(".5,", " EUR,", 1) if number % 3 else row for number, row in enumerate(GOOD)])),
        'found 66.7% (800 unreadable_amount: amount cannot be read as a number, such as "11 EUR")',
    ),
    stops_table(
        "long ids rounded by a spreadsheet",
        single_file(csv([f"4917012345{row[:3]}8900{row[3:]}" for row in GOOD])),
        "where spreadsheets round",
    ),
    Fault(
        "one id for everybody without an account",
        single_file(csv([f"guest{row[3:]}" if number % 3 else row for number, row in enumerate(GOOD)])),
        warnings={"dominant_customer": 0.667},
        same_rows=False,
    ),
    costs_only_itself("an id of 10 MB", "x" * 10_000_000 + ",x,2025-12-01,5,1,B", "too_long_customer_id"),
    costs_only_itself("a null byte in an id", b"00\x007,x,2025-12-01,5,1,B", "control_characters_customer_id"),
    # dates
    costs_only_itself("an order in the future", "007,x,2026-02-01,5,1,B", "future_ordered_at"),
    costs_only_itself("the epoch for no date", "007,x,1970-01-01,5,1,B", "implausible_ordered_at"),
    costs_only_itself("a spreadsheet's zero for no date", "007,x,1899-12-30,5,1,B", "implausible_ordered_at"),
    Fault(
        "day and month swapped in half of a file",
        single_file(csv(swapped_days())),
        used=ROWS - SWAPPED - FUTURE,
        rules={"unreadable_ordered_at": SWAPPED} | ({"future_ordered_at": FUTURE} if FUTURE else {}),
        warnings={"swapped_dates": SWAPPED, "fresh": 20, "missing_days": 4},
        same_rows=False,
    ),
    accepted("one time with a zone", "007,x,2025-12-01T10:00:00+02:00,5.5,1,B", warnings={"mixed_zones": 1}),
    Fault(
        "a day is missing",
        single_file(csv([row for row in GOOD if ",2025-12-10," not in row])),
        used=ROWS - ROWS_PER_DAY,
        warnings={"missing_days": 1},
    ),
    Fault("the last day is incomplete", single_file(csv(GOOD[:-6])), used=ROWS - 6, warnings={"last_day": 0.4}),
    Fault(
        "nothing new for a month",
        single_file(csv([row for row in GOOD if row.split(",")[2] < "2025-12-01"])),
        used=ROWS - 31 * ROWS_PER_DAY,
        warnings={"fresh": 32},
    ),
    # amounts
    accepted("a brand in capitals and with two spaces", "007,x,2025-12-01,5.5,1,BRAND  1", warnings={"alike_words": 1}),
    accepted("a return", "007,r1,2025-12-01,-12.5,-1,Brand 1"),
    costs_only_itself("a negative quantity that is not a return", "007,x,2025-12-01,5.5,-1,B", "contradicting_signs"),
    accepted("a negative amount of something sold", "007,x,2025-12-01,-5.5,1,B", warnings={"negative_sale": 1}),
    accepted("an amount of 0", "007,x,2025-12-01,0,1,B", warnings={"zero_amount": 1}),
    accepted("a quantity of 0", "007,x,2025-12-01,5.5,0,B", warnings={"zero_quantity": 1}),
    Fault(
        "the second half in cents",
        single_file(csv([*GOOD[: ROWS // 2], *IN_CENTS])),
        warnings={"amount_jump": 100},
        same_rows=False,
    ),
    # duplicates
    accepted("a line twice", GOOD[0], warnings={"duplicates": 1}),
    stops_table("a load appended to itself", single_file(csv(GOOD + GOOD)), "the source has a load twice"),
    Fault("a load repeated as a file", {"orders1.csv": csv(GOOD), "orders2.csv": csv(GOOD[::-1])}, rules={"repeated_load": ROWS}),
    Fault(
        "two files that overlap",
        {"orders1.csv": csv(GOOD[:700]), "orders2.csv": csv(GOOD[600:])},
        used=ROWS + 100,
        warnings={"overlap": 100},
    ),
    # text and files
    Fault("a byte order mark", single_file(b"\xef\xbb\xbf" + csv(GOOD))),
    Fault("CRLF line ends", single_file(csv(GOOD).replace(b"\n", b"\r\n"))),
    Fault("CR line ends", single_file(csv(GOOD).replace(b"\n", b"\r"))),
    Fault("UTF-16", single_file(csv(GOOD).decode().encode("utf-16"))),
    Fault("semicolons", single_file(csv(GOOD).replace(b",", b";"))),
    Fault("compressed", {"orders.csv.gz": gzip.compress(csv(GOOD))}),
    Fault("blanks around cells", single_file(csv([row.replace(",", " , ") for row in GOOD]))),
    costs_only_itself("Latin-1 in an id", "M\u00fcller,x,2025-12-01,5,1,B".encode("latin-1"), "undecodable_customer_id"),
    accepted("Latin-1 in a brand", "007,x,2025-12-01,5.5,1,Caf\u00e9".encode("latin-1"), warnings={"undecodable_brand": 1}),
    costs_only_itself("a quote that is never closed", '007,"x,2025-12-01,5,1,B', "broken_quotes"),
    costs_only_itself("text behind a closing quote", '007,"x"y,2025-12-01,5,1,B', "broken_quotes"),
    accepted("a quote within a cell", '007,x,2025-12-01,5.5,1,5" pipe'),
    accepted("a quoted line break and separator", '007,x,2025-12-01,5.5,1,"two\nlines, one cell"'),
    accepted("a cell of 10 MB that is not an id", "007,x,2025-12-01,5.5,1," + "b" * 10_000_000),
    costs_only_itself("one cell too many", "007,x,2025-12-01,5,1,B,more", "too_many_cells"),
    costs_only_itself("cells are missing", "007,x", "missing_ordered_at"),
    costs_only_itself("an empty line", "", "empty_row"),
    costs_only_itself("the header again", HEADER, "unreadable_ordered_at"),
    costs_only_itself("a line of totals at the end", "Total,,,99999,,", "missing_order_id"),
    Fault(
        "the last file breaks off",
        {"orders1.csv": csv(GOOD[:600]), "orders2.csv": csv(GOOD[600:])[:-25]},
        used=ROWS - 1,
        rules={"unreadable_ordered_at": 1},
    ),
    Fault("an empty file among others", {"orders1.csv": csv(GOOD), "orders2.csv": b""}, warnings={"empty_files": 1}),
    Fault(
        "a file with a header only among others", {"orders1.csv": csv(GOOD), "orders2.csv": csv([])}, warnings={"empty_files": 1}
    ),
    stops_table("an empty file", single_file(b""), "the source is empty, without even a header"),
    stops_table("a header only", single_file(csv([])), "the source has a header but no rows"),
    stops_table("no header", single_file(b"\n".join(csv(GOOD).split(b"\n")[1:])), "the column customer_id is missing"),
    stops_table("a column twice", single_file(csv(GOOD, HEADER.replace("brand", "amount"))), "the column amount appears twice"),
    stops_table("an Excel file", single_file(b"PK\x03\x04" + bytes(200)), "it is a ZIP or Excel file"),
    stops_table(
        "compressed data that breaks off", {"orders.csv.gz": gzip.compress(csv(GOOD))[:-300]}, "compressed data breaks off"
    ),
    stops_table("bytes that are not text", single_file(csv(GOOD).decode().encode("utf-16-le")), "its header holds null bytes"),
    # Parquet
    Fault(
        "Parquet with another order and an extra column in the second file",
        {
            "orders1.parquet": parquet(frame(GOOD[:600])),
            "orders2.parquet": parquet(frame(GOOD[600:]).with_columns(extra=1).select("extra", *HEADER.split(",")[::-1])),
        },
    ),
    Fault(
        "Parquet with numbers as text in the second file",
        {
            "orders1.parquet": parquet(frame(GOOD[:600])),
            "orders2.parquet": parquet(frame(GOOD[600:]).cast({"amount": pl.String})),
        },
    ),
    Fault(
        "Parquet with amounts of another kind in the second file",
        {
            "orders1.parquet": parquet(frame(GOOD[:600])),
            "orders2.parquet": parquet(frame(GOOD[600:]).with_columns(amount=pl.lit("n/a"))),
        },
        used=600,
        rules={"unreadable_amount": 600},
        warnings={"fresh": 61},
    ),
    Fault(
        "ids as numbers in the second Parquet file",
        {
            "orders1.parquet": parquet(frame(GOOD[:600])),
            "orders2.parquet": parquet(frame(GOOD[600:]).cast({"customer_id": pl.Int64})),
        },
        warnings={"alike_ids": 97},
        same_rows=False,
    ),
    stops_table(
        "Parquet without a column in the second file",
        {"orders1.parquet": parquet(frame(GOOD[:600])), "orders2.parquet": parquet(frame(GOOD[600:]).drop("amount"))},
        "the column amount is missing",
    ),
    stops_table("Parquet that breaks off", {"orders.parquet": parquet(frame(GOOD))[:-50]}, "cannot be read"),
    # configuration
    stops_table("all but ten rows set aside", single_file(csv(FEW_GOOD)), "At most 50% of the rows are set aside; found 99.2%"),
    stops_table(
        "most rows set aside",
        single_file(csv([*GOOD[:500], *(row.replace(row.split(",")[0], "", 1) for row in GOOD[500:])])),
        "At most 50% of the rows are set aside",
    ),
]


@pytest.mark.parametrize("fault", GALLERY, ids=lambda fault: fault.name)
def test_a_fault_has_the_stated_cost_and_no_other(fault: Fault, tmp_path: Path) -> None:
    report = check(tmp_path, fault)
    if fault.stopped:
        assert not report.usable
        assert fault.stopped in str(report.problem)
        assert "\n" not in str(report.problem)
        return
    assert report.problem is None
    assert (report.used, report.rules) == (fault.used, fault.rules)
    assert report.read == report.used + report.quarantined
    warnings = {warning.check.name: warning.measure.value for warning in report.warnings}
    assert warnings == pytest.approx(fault.warnings, rel=0.05)
    good = pl.read_parquet(tmp_path / "workspace" / "tables" / "transactions.parquet")
    quarantine = pl.read_parquet(tmp_path / "workspace" / "quarantine" / "transactions.parquet")
    assert (good.height, quarantine.height) == (report.used, report.quarantined)
    if fault.same_rows and fault.used >= ROWS:
        expected = frame(GOOD).with_columns(pl.col("ordered_at").cast(pl.Datetime("us")), pl.col("quantity").cast(pl.Float64))
        assert expected.join(good, on=HEADER.split(","), how="anti").is_empty()


def check(folder: Path, fault: Fault) -> TableReport:
    for name, content in fault.files.items():
        (folder / name).write_bytes(content)
    (folder / "holdfast.toml").write_text('[tables]\ntransactions = "orders*"\n')
    [report] = check_tables(load_settings(folder / "holdfast.toml", {}), NOW)
    return report


def test_the_gallery_has_every_kind_of_outcome() -> None:
    assert len({fault.name for fault in GALLERY}) == len(GALLERY) >= 40
    assert sum(bool(fault.stopped) for fault in GALLERY) >= 5
    assert sum(bool(fault.rules) for fault in GALLERY) >= 15
    assert sum(bool(fault.warnings) for fault in GALLERY) >= 10
    assert sum(not (fault.stopped or fault.rules or fault.warnings) for fault in GALLERY) >= 5


def test_good_tables_have_no_warnings(tmp_path: Path) -> None:
    report = check(tmp_path, Fault("none", single_file(csv(GOOD))))
    assert (report.used, report.rules, report.warnings) == (ROWS, {}, [])


def test_words_in_another_encoding_are_left_empty_instead_of_looking_alike(tmp_path: Path) -> None:
    lines = b"".join(
        f"007,x{number},2025-12-01,5.5,1,{brand}\n".encode("latin-1") for number, brand in enumerate(("Müller", "Möller"))
    )
    report = check(tmp_path, Fault("two brands", with_row(lines.rstrip(b"\n")), used=ROWS + 2))
    [warning] = report.warnings
    assert (warning.check.name, warning.measure.value) == ("undecodable_brand", 2)
    assert "is left empty; name the encoding of the file in [tables], such as cp1252" in warning.message
    good = pl.read_parquet(tmp_path / "workspace" / "tables" / "transactions.parquet")
    assert good.filter(pl.col("order_id").is_in(["x0", "x1"]))["brand"].to_list() == [None, None]
