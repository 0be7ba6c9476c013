"""The workbook of a list, read as a spreadsheet program reads it."""

import io
import re
import zipfile
from datetime import date
from html import unescape
from pathlib import Path

import polars as pl

from serving.lists.workbook import HELD_OUT_NOTE, as_xlsx
from serving.schemas.glossary import TERMS, as_markdown
from serving.schemas.lists import LIST_COLUMNS
from serving.targeting.evidence import EVIDENCE_COLUMNS

SENTENCE = "p_churn means this."


def rows_of_list(arms: list[str]) -> pl.DataFrame:
    size = len(arms)
    texts = {name: [f"{name} {row}" for row in range(size)] for name, dtype in LIST_COLUMNS.items() if dtype == pl.String}
    numbers = {name: [float(row) for row in range(size)] for name, dtype in LIST_COLUMNS.items() if dtype == pl.Float64}
    others = {"rank": range(1, size + 1), "data_as_of": [date(2026, 11, 23)] * size, "expires_on": [date(2026, 11, 29)] * size}
    own = {"arm": arms, "action": "win_back", "channel": "email", "customer_id": [f"=c{row}" for row in range(size)]}
    return (
        pl.DataFrame(texts | numbers | others)
        .with_columns(
            pl.lit(value).alias(name) if isinstance(value, str) else pl.Series(name, value) for name, value in own.items()
        )
        .select(pl.col(name).cast(dtype) for name, dtype in LIST_COLUMNS.items())
    )


def sheets_of(content: bytes) -> dict[str, list[list[str]]]:
    """Return the texts and numbers of each sheet, by its name, as rows of cells."""
    book = zipfile.ZipFile(io.BytesIO(content))
    texts = book.read("xl/sharedStrings.xml").decode()
    strings = [unescape(text) for text in re.findall(r"<si><t[^>]*>(.*?)</t></si>", texts, re.DOTALL)]
    names = re.findall(r'<sheet name="([^"]+)"', book.read("xl/workbook.xml").decode())
    sheets = {}
    for number, name in enumerate(names, start=1):
        xml = book.read(f"xl/worksheets/sheet{number}.xml").decode()
        assert "<f>" not in xml
        sheets[name] = [
            [strings[int(value)] if 't="s"' in cell else value for cell, value in re.findall(r"<c ([^>]*)><v>(.*?)</v>", row)]
            for row in re.findall(r"<row [^>]*>(.*?)</row>", xml, re.DOTALL)
        ]
    return sheets


def test_the_first_sheet_says_who_what_by_when_why_and_what_it_brings() -> None:
    sheets = sheets_of(as_xlsx(rows_of_list(["treated", "control", "treated"]), SENTENCE, "EUR"))
    assert list(sheets) == ["To do", "Held out", "About", "List"]
    sentence, headings, first, second = sheets["To do"]
    assert sentence == [SENTENCE]
    assert headings[:5] == ["Customer", "What to do", "By when", "Why", "Expected gain, EUR"]
    assert first[:5] == ["=c0", "win back by email", "46355", "reason_1 0; reason_2 0; reason_3 0", "0"]
    assert second[0] == "=c2"


def test_details_of_customers_follow_the_customer_under_words() -> None:
    details = {"external_id": "K-7", "name": "=Ann", "email": "ann@example.com", "phone": "+49"}
    rows = rows_of_list(["treated", "control"]).with_columns(pl.lit(text).alias(name) for name, text in details.items())
    sheets = sheets_of(as_xlsx(rows, SENTENCE, "EUR"))
    assert sheets["To do"][1][:6] == ["Customer", "Customer number", "Name", "E-mail", "Phone", "What to do"]
    assert sheets["To do"][2][:5] == ["=c0", "K-7", "=Ann", "ann@example.com", "+49"]
    assert "Name" not in sheets["Held out"][1]
    assert sheets["List"][2 if sheets["List"][1][0].startswith("Grey") else 1][-4:] == list(details)


def test_held_out_customers_are_on_a_sheet_of_their_own_and_not_to_be_contacted() -> None:
    sheets = sheets_of(as_xlsx(rows_of_list(["treated", "control"]), SENTENCE))
    assert [row[:2] for row in sheets["Held out"][2:]] == [["=c1", "do not contact"]]
    assert "=c1" not in str(sheets["To do"])
    assert [HELD_OUT_NOTE] in sheets["List"]
    assert "Held out" not in sheets_of(as_xlsx(rows_of_list(["treated"]), SENTENCE))


def test_the_sheet_about_has_the_list_its_dates_and_a_definition_of_each_word() -> None:
    about = dict(row for row in sheets_of(as_xlsx(rows_of_list(["treated", "control"]), SENTENCE))["About"] if row)
    assert about["List"] == "list_id 0"
    assert about["Data as of"] == "46349"  # 23 November 2026 as spreadsheets count days
    assert about["Customers to act on"] == "1"
    assert about["Held-out customers"] == "1"
    assert about["What the figures mean"] == SENTENCE
    for name in ("held_out", "value_at_risk", "hard_core", "split", "shifting", "switcher"):
        assert about[TERMS[name].name] == TERMS[name].definition


def test_programs_find_all_columns_under_their_names() -> None:
    rows = rows_of_list(["treated", "control"])
    sentence, note, headings, first, *_ = sheets_of(as_xlsx(rows, SENTENCE))["List"]
    assert (sentence, note) == ([SENTENCE], [HELD_OUT_NOTE])
    assert headings == list(LIST_COLUMNS)
    assert first[3] == "=c0"


def with_trial(rows: pl.DataFrame, verdict: str, low: float | None, high: float | None) -> pl.DataFrame:
    values = {"evidence": verdict, "gain_low": low, "gain_high": high, "expected_gain": 1234.5}
    return rows.with_columns(pl.lit(value, (LIST_COLUMNS | EVIDENCE_COLUMNS)[name]).alias(name) for name, value in values.items())


def test_an_assumed_gain_has_two_digits_and_the_range_of_the_measured_effect() -> None:
    rows = with_trial(rows_of_list(["treated", "treated"]), "contradicted", -2.512, 37.61)
    sheets = sheets_of(as_xlsx(rows, SENTENCE, "EUR"))
    _, headings, first, _ = sheets["To do"]
    ends = [f"By the measured effect, {end}, EUR" for end in ("at least", "at most")]
    assert headings[4:7] == ["Assumed gain, EUR", *ends]
    assert first[4:7] == ["1200", "-2.5", "38"]
    assert ["Assumed gain, EUR", "about 2,500; by the measured effect -5.0 to 75"] in sheets["About"]
    assert sheets["List"][1] == list(LIST_COLUMNS | EVIDENCE_COLUMNS)


def test_an_untested_gain_is_assumed_and_a_measured_one_is_expected() -> None:
    untested = sheets_of(as_xlsx(with_trial(rows_of_list(["treated"]), "untested", None, None), SENTENCE))
    assert untested["To do"][1][4:6] == ["Assumed gain", "Who"]
    assert ["Assumed gain", "about 1,200"] in untested["About"]
    measured = sheets_of(as_xlsx(with_trial(rows_of_list(["treated"]), "measured", None, None), SENTENCE))
    assert measured["To do"][1][4:6] == ["Expected gain", "Who"]
    assert measured["To do"][2][4] == "1234.5"
    assert ["Expected gain", "1,234.50"] in measured["About"]


def test_a_list_without_rows_is_a_workbook_too() -> None:
    sheets = sheets_of(as_xlsx(pl.DataFrame(schema=LIST_COLUMNS), SENTENCE))
    assert ["Customers to act on", "0"] in sheets["About"]


def test_the_glossary_of_the_docs_is_up_to_date() -> None:
    assert Path("docs/glossary.md").read_text(encoding="utf-8") == as_markdown()
