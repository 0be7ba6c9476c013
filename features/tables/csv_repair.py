"""Repair CSV files with unbalanced quotes, so that such a line costs only itself and not the lines after it.

A quote that is never closed makes a CSV reader swallow the following lines, or give up. So each physical line is examined here:
a line that is a complete row on its own stays as it is, even after an open quote.
"""

import polars as pl

from features.tables.csv_dialect import CsvDialect

# A row with broken quotes is passed on as one cell beyond the header, with this prefix.
BROKEN_ROW = "\x02broken quotes: "
LINE, NUMBER, RUN, TEXT = "line", "number", "run", "text"
UNUSED_SEPARATOR = "\x01"  # never in text, so that a line stays one cell
# With fewer columns a line of running text cannot be distinguished from a row: on its own, and within balanced quotes.
MIN_COLUMNS_FOR_ROW, MIN_COLUMNS_IN_QUOTES = 3, 4


def repair(csv: CsvDialect, width: int) -> bytes | None:
    """Return the text of the file with all quotes balanced; None where there is nothing to repair.

    `width` is the number of columns of the header. A line is taken literally if its quotes are inside cells (5" pipe), no cell
    begins with a quote, and it has as many cells as the header. Any other line with unbalanced quotes becomes a row without
    cells, with the line after BROKEN_ROW beyond the last column. The file is held in memory meanwhile.
    """
    lines = pl.scan_csv(
        csv.source,
        has_header=False,
        schema={LINE: pl.String()},
        separator=UNUSED_SEPARATOR,
        eol_char=csv.line_end,
        quote_char=None,
        encoding="utf8-lossy",
        truncate_ragged_lines=True,
        glob=False,
    ).select(pl.col(LINE).fill_null("").str.strip_chars_end("\r"))
    incomplete = _incomplete_lines(lines, csv.separator, width).collect(engine="streaming")
    faulty = _faulty_lines(incomplete, csv.separator, width)
    if faulty.is_empty():
        return None
    repaired = faulty.select(NUMBER, _repaired_line(csv.separator, width).alias(TEXT))
    merged = lines.with_row_index(NUMBER).join(repaired.lazy(), on=NUMBER, how="left", maintain_order="left")
    text = merged.select(pl.coalesce(TEXT, LINE).str.join("\n")).collect().item()
    return str(text + "\n").encode()


def _incomplete_lines(lines: pl.LazyFrame, separator: str, width: int) -> pl.LazyFrame:
    """Return the lines, with their number, that are not a complete row on their own; the header is taken as it is."""
    is_balanced = pl.col(LINE).str.contains(f"^{_row_pattern(separator)}$")
    cells = pl.col(LINE).str.replace_all('"(?:[^"]|"")*"', "").str.count_matches(separator, literal=True) + 1
    quotes = pl.col(LINE).str.count_matches('"', literal=True).cast(pl.Int64)
    is_row = (cells == width) if width >= MIN_COLUMNS_FOR_ROW else ((quotes.cum_sum() - quotes) % 2 == 0)
    return lines.with_row_index(NUMBER).filter(~(is_balanced & is_row) & (pl.col(NUMBER) > 0))


def _faulty_lines(incomplete: pl.DataFrame, separator: str, width: int) -> pl.DataFrame:
    """Return the lines that form no rows together with the adjacent ones either, and are unbalanced on their own.

    Adjacent lines form rows if quotes match across them and no line that begins within quotes has the cells of a row.
    """
    row, quotes = _row_pattern(separator), pl.col(LINE).str.count_matches('"', literal=True).cast(pl.Int64)
    run = (pl.col(NUMBER) - pl.int_range(pl.len(), dtype=pl.UInt32)).alias(RUN)
    forms_rows = pl.col(LINE).str.join("\n").over(RUN).str.contains(f"^{row}(?:\n{row})*$")
    begins_in_quotes = ((quotes.cum_sum() - quotes) % 2 == 1).over(RUN)
    has_all_cells = pl.col(LINE).str.split(separator).list.len() >= width
    swallows_row = (has_all_cells & begins_in_quotes).any().over(RUN) if width >= MIN_COLUMNS_IN_QUOTES else pl.lit(value=False)
    return incomplete.with_columns(run).filter(~(forms_rows & ~swallows_row) & ~pl.col(LINE).str.contains(f"^{row}$"))


def _row_pattern(separator: str) -> str:
    escaped = f"\\{separator}" if separator == "|" else separator
    cell = f'(?:[^"{escaped}\n]*|"(?:[^"]|"")*")'
    return f"{cell}(?:{escaped}{cell})*"


def _repaired_line(separator: str, width: int) -> pl.Expr:
    doubled = pl.col(LINE).str.replace_all('"', '""', literal=True)
    cells = pl.col(LINE).str.split(separator)
    is_literal = (cells.list.len() == width) & ~cells.list.eval(pl.element().str.starts_with('"')).list.any()
    quoted_cells = doubled.str.replace_all(separator, f'"{separator}"', literal=True)
    literal = pl.concat_str(pl.lit('"'), quoted_cells, pl.lit('"'))
    broken = pl.concat_str(pl.lit(separator * width + f'"{BROKEN_ROW}'), doubled, pl.lit('"'))
    return pl.when(is_literal).then(literal).otherwise(broken)
