"""The workbook of a list: what to do, who is held out, what the words mean, and all columns for programs."""

import io
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl

from features.rendering.amounts import format_amount, format_rough
from serving.lists.evidence import gain_bounds, is_assumed
from serving.schemas.details import TITLES
from serving.schemas.glossary import TERMS
from serving.targeting.evidence import EVIDENCE_COLUMNS

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.worksheet import Worksheet

MONEY_FORMAT, SHARE_FORMAT, DAY_FORMAT = "#,##0.00", "0.0%", "yyyy-mm-dd"
TEXT_FORMAT = {"quote_prefix": 1}  # stays a text when the cell is edited or copied
INDENTED_COLUMNS = ("customer_id", "basis", "model_version")
MONEY_COLUMNS = ("expected_value", "value_at_risk", "expected_gain", "gain_low", "gain_high")
ROUGH_FORMAT, ROUGH_DIGITS = "[>=10]#,##0;[<=-10]-#,##0;0.0#", 2
REASON_COLUMN_WIDTH, TEXT_WIDTH, NAME_WIDTH = 52, 100, 24
PAPER_A3 = 8  # the number of the format in XLSX
HEADER = {"bold": True, "font_color": "#ffffff", "bg_color": "#12303f", "valign": "top"}
HELD_OUT_NOTE = "Grey rows are the control group: do not contact them. The effect of the list is measured against them."
HELD_OUT_SHEET_NOTE = "These customers are the control group. Do not contact them; answer their complaints as usual."
GREY = {"font_color": "#777777", "italic": True}
OPTIONS = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}
NO_EVIDENCE = pl.DataFrame(schema=EVIDENCE_COLUMNS)
TO_DO, HELD_OUT, ABOUT, LIST = "To do", "Held out", "About", "List"
TERMS_OF_WORKBOOK = (
    *(
        "risk",
        "expected_value",
        "value_at_risk",
        "expected_gain",
        "assumed_gain",
        "held_out",
        "segment",
        "hard_core",
        "split",
        "shifting",
    ),
    *("switcher", "undetermined", "stage", "first_time", "repeat", "client", "advocate", "partner", "inactive", "data_as_of"),
)


def as_xlsx(frame: pl.DataFrame, sentence: str, currency: str | None = None) -> bytes:
    """Return a workbook of a list (LIST_COLUMNS and EVIDENCE_COLUMNS); texts stay texts and dates are dates.

    Sheets: To do has the customers to act on, Held out the control group if the rows have one, About the list and its words, and
    List all columns under their names in the API, for programs. Rows without EVIDENCE_COLUMNS have no evidence. `sentence` is the
    meaning of the risk and of the gain.
    """
    from xlsxwriter import Workbook

    buffer = io.BytesIO()
    with Workbook(buffer, OPTIONS) as workbook:
        written = pl.concat([frame, NO_EVIDENCE], how="diagonal")
        held_out = written.filter(arm="control")
        _write_table(workbook, TO_DO, _to_do(written.filter(pl.col("arm").ne_missing("control")), currency), sentence)
        if held_out.height:
            _write_table(workbook, HELD_OUT, _held_out(held_out, currency), HELD_OUT_SHEET_NOTE)
        _write_about(workbook, written, sentence, currency)
        _write_all_columns(workbook, frame, sentence)
    return buffer.getvalue()


def _to_do(rows: pl.DataFrame, currency: str | None) -> pl.DataFrame:
    """Return the customers to act on, with words as headings: customer, details, what, by when, why and gain first."""
    return rows.select(
        pl.col("customer_id").alias("Customer"),
        *(pl.col(name).alias(title) for name, title in TITLES.items() if name in rows.columns),
        _what().alias("What to do"),
        pl.col("expires_on").alias("By when"),
        pl.concat_str("reason_1", "reason_2", "reason_3", separator="; ", ignore_nulls=True).alias("Why"),
        *_gains(rows, currency),
        pl.col("owner").alias("Who"),
        *_figures(currency),
    )


def _gains(rows: pl.DataFrame, currency: str | None) -> list[pl.Expr]:
    """Return the gain; an assumed one with two digits, and beside it the gains at either end of the measured effects."""
    if not is_assumed(rows):
        return [pl.col("expected_gain").alias(_money_title("Expected gain", currency))]
    titles = {"expected_gain": "Assumed gain"}
    if gain_bounds(rows) is not None:
        titles |= {"gain_low": "By the measured effect, at least", "gain_high": "By the measured effect, at most"}
    return [pl.col(name).round_sig_figs(ROUGH_DIGITS).alias(_money_title(title, currency)) for name, title in titles.items()]


def _what() -> pl.Expr:
    """Return the action in words, as in "win back by email"."""
    action = pl.col("action").str.replace_all("_", " ")
    return pl.when(pl.col("channel").is_null()).then(action).otherwise(pl.format("{} by {}", action, pl.col("channel")))


def _held_out(rows: pl.DataFrame, currency: str | None) -> pl.DataFrame:
    """Return the control group with words as headings."""
    return rows.select(
        pl.col("customer_id").alias("Customer"),
        pl.lit("do not contact").alias("What to do"),
        pl.col("expires_on").alias("Held out at least until"),
        *_figures(currency),
    )


def _figures(currency: str | None) -> list[pl.Expr]:
    """Return the figures behind the choice of a customer."""
    return [
        pl.col("p_churn").alias("Risk"),
        pl.col("value_at_risk").alias(_money_title("Expected loss", currency)),
        pl.col("expected_value").alias(_money_title("Expected value", currency)),
        pl.col("loyalty_segment").str.replace_all("_", "-").alias("Segment"),
        pl.col("lifecycle_stage").str.replace_all("_", "-").alias("Stage"),
    ]


def _money_title(title: str, currency: str | None) -> str:
    return f"{title}, {currency}" if currency else title


def _write_table(workbook: "Workbook", name: str, rows: pl.DataFrame, note: str) -> None:
    """Write rows below a note and a frozen header, ready to be printed."""
    moneys = {title: _money_format(title) for title, dtype in rows.schema.items() if dtype == pl.Float64 and title != "Risk"}
    sheet = _write_frame(workbook, name, rows, {"Risk": SHARE_FORMAT, **moneys, "Customer": {"indent": 1}})
    sheet.write_string("A1", note, workbook.add_format({"italic": True}))
    sheet.freeze_panes(3, 1)
    if "Why" in rows.columns:
        index = rows.get_column_index("Why")
        sheet.set_column(index, index, REASON_COLUMN_WIDTH, workbook.add_format({"text_wrap": True}))


def _money_format(title: str) -> str:
    return ROUGH_FORMAT if title.startswith(("Assumed", "By the measured effect")) else MONEY_FORMAT


def _write_frame(workbook: "Workbook", name: str, rows: pl.DataFrame, formats: dict[str, Any]) -> "Worksheet":
    """Write rows with their formats; texts stay texts when a cell is edited or copied."""
    texts = {column: TEXT_FORMAT | formats.pop(column, {}) for column, dtype in rows.schema.items() if dtype == pl.String}
    rows.write_excel(
        workbook,
        name,
        position="A3",
        table_style="Table Style Light 1",
        column_formats=formats | texts,
        dtype_formats={pl.Date: DAY_FORMAT},
        header_format=HEADER,
        autofit=True,
    )
    sheet = workbook.get_worksheet_by_name(name)
    sheet.set_landscape()
    sheet.set_paper(PAPER_A3)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(2)
    return sheet


def _write_about(workbook: "Workbook", frame: pl.DataFrame, sentence: str, currency: str | None) -> None:
    """Write what the list is, what its figures mean, and a definition of each word."""
    sheet = workbook.add_worksheet(ABOUT)
    bold, wrapped, day = (
        workbook.add_format(form) for form in ({"bold": True}, {"text_wrap": True}, {"num_format": DAY_FORMAT, "align": "left"})
    )
    sheet.set_column(0, 0, NAME_WIDTH)
    sheet.set_column(1, 1, TEXT_WIDTH, wrapped)
    facts = _facts(frame, currency)
    for line, (name, value) in enumerate(facts):
        sheet.write_string(line, 0, name, bold)
        if isinstance(value, date):
            sheet.write_datetime(line, 1, value, day)
        else:
            sheet.write_string(line, 1, str(value), wrapped)
    sheet.write_string(len(facts), 0, "What the figures mean", bold)
    sheet.write_string(len(facts), 1, sentence, wrapped)
    for line, name in enumerate(TERMS_OF_WORKBOOK, start=len(facts) + 2):
        sheet.write_string(line, 0, TERMS[name].name, bold)
        sheet.write_string(line, 1, TERMS[name].definition, wrapped)


def _facts(frame: pl.DataFrame, currency: str | None) -> list[tuple[str, Any]]:
    """Return what is the same in all rows of the list, and its totals; nothing of a list without rows."""
    if frame.is_empty():
        return [("Customers to act on", 0)]
    first, treated = frame.row(0, named=True), frame.filter(pl.col("arm").ne_missing("control"))
    facts = [
        ("List", first["list_id"]),
        ("Week", first["week"]),
        ("Data as of", first["data_as_of"]),
        ("Use until", first["expires_on"]),
        ("Model version", first["model_version"]),
        ("Customers to act on", f"{treated.height:,}"),
        ("Held-out customers", f"{frame.height - treated.height:,}"),
        _gain_fact(treated, currency),
        ("Sheet List", "All columns under their names in the API, for programs."),
    ]
    return [(name, value) for name, value in facts if value is not None]


def _gain_fact(treated: pl.DataFrame, currency: str | None) -> tuple[str, str]:
    """Return the total gain; an assumed one with two digits, and the range that the measured effects leave."""
    gain, bounds = float(treated["expected_gain"].sum()), gain_bounds(treated)
    if not is_assumed(treated):
        return _money_title("Expected gain", currency), format_amount(gain, 2)
    measured = "" if bounds is None else f"; by the measured effect {format_rough(bounds[0])} to {format_rough(bounds[1])}"
    return _money_title("Assumed gain", currency), f"about {format_rough(gain)}{measured}"


def _write_all_columns(workbook: "Workbook", frame: pl.DataFrame, sentence: str) -> None:
    """Write all columns; if the list has a control group, its rows are grey, and HELD_OUT_NOTE says not to contact them."""
    sheet = _write_frame(workbook, LIST, frame, _column_formats())
    sheet.write_string("A1", sentence, workbook.add_format({"italic": True}))
    if (frame["arm"] == "control").any():
        sheet.write_string("A2", HELD_OUT_NOTE, workbook.add_format({"bold": True}))
    sheet.freeze_panes(3, 4)
    for index, name in enumerate(frame.columns):
        if name.startswith("reason"):
            sheet.set_column(index, index, REASON_COLUMN_WIDTH)
    is_control = f'=${_column_letter(frame, "arm")}4="control"'
    if frame.height:
        grey = {"type": "formula", "criteria": is_control, "format": workbook.add_format(GREY)}
        sheet.conditional_format(3, 0, frame.height + 2, frame.width - 1, grey)


def _column_formats() -> dict[str, Any]:
    """Return number formats, and an indent for texts that follow a number."""
    indented = {name: {"indent": 1} for name in INDENTED_COLUMNS}
    return {"p_churn": SHARE_FORMAT, **dict.fromkeys(MONEY_COLUMNS, MONEY_FORMAT), **indented}


def _column_letter(frame: pl.DataFrame, column: str) -> str:
    """Return the letter of one of the first 26 columns."""
    return chr(ord("A") + frame.get_column_index(column))
