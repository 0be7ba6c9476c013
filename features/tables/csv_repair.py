"""Mend CSV files whose quotes do not match, so that one such line costs itself and not the lines after it.

A quote that is never closed makes every reader swallow the following lines, or give up. Here each physical line is looked at:
a line that is a whole row by itself stays what it is, even where an open quote stands before it.
"""

import polars as pl

from features.tables.csv_dialect import CsvText

# A row whose quotes cannot be understood is handed on as one cell beyond the header that begins with this.
BROKEN = "\x02broken quotes: "
LINE, NUMBER, RUN, TEXT = "line", "number", "run", "text"
NEVER = "\x01"  # a separator that no text has, so that a line stays one cell
NARROW, WIDE = 3, 4  # with fewer columns, a line of running text looks like a row; and within quotes that match


def repair(csv: CsvText, width: int) -> bytes | None:
    """Return the file's text with every quote in order; None where nothing has to be mended.

    `width` is the number of columns of the header. A line with quotes inside its cells only (5" pipe), as many cells as
    the header, and none that begins with a quote is taken by the letter. Any other line whose quotes do not match becomes
    a row without cells, with the line behind BROKEN beyond the last column. The file is held in memory while it is mended.
    """
    lines = pl.scan_csv(
        csv.source,
        has_header=False,
        schema={LINE: pl.String()},
        separator=NEVER,
        eol_char=csv.line_end,
        quote_char=None,
        encoding="utf8-lossy",
        truncate_ragged_lines=True,
        glob=False,
    ).select(pl.col(LINE).fill_null("").str.strip_chars_end("\r"))
    odd = _odd_lines(lines, csv.separator, width).collect(engine="streaming")
    faulty = _faulty(odd, csv.separator, width)
    if faulty.is_empty():
        return None
    fixes = faulty.select(NUMBER, _mended(csv.separator, width).alias(TEXT))
    whole = lines.with_row_index(NUMBER).join(fixes.lazy(), on=NUMBER, how="left", maintain_order="left")
    text = whole.select(pl.coalesce(TEXT, LINE).str.join("\n")).collect().item()
    return str(text + "\n").encode()


def _odd_lines(lines: pl.LazyFrame, separator: str, width: int) -> pl.LazyFrame:
    """Lines that are no whole row by themselves, with their place; the header is taken as it is."""
    whole = pl.col(LINE).str.contains(f"^{_row(separator)}$")
    cells = pl.col(LINE).str.replace_all('"(?:[^"]|"")*"', "").str.count_matches(separator, literal=True) + 1
    quotes = pl.col(LINE).str.count_matches('"', literal=True).cast(pl.Int64)
    stands = (cells == width) if width >= NARROW else ((quotes.cum_sum() - quotes) % 2 == 0)
    return lines.with_row_index(NUMBER).filter(~(whole & stands) & (pl.col(NUMBER) > 0))


def _faulty(odd: pl.DataFrame, separator: str, width: int) -> pl.DataFrame:
    """Of lines that follow each other, keep those that make no rows together either, and are none by themselves.

    They make rows together where quotes match across them, and none that begins within quotes has the cells of a row.
    """
    row, quotes = _row(separator), pl.col(LINE).str.count_matches('"', literal=True).cast(pl.Int64)
    run = (pl.col(NUMBER) - pl.int_range(pl.len(), dtype=pl.UInt32)).alias(RUN)
    matching = pl.col(LINE).str.join("\n").over(RUN).str.contains(f"^{row}(?:\n{row})*$")
    inside = ((quotes.cum_sum() - quotes) % 2 == 1).over(RUN)
    complete = pl.col(LINE).str.split(separator).list.len() >= width
    swallowed = (complete & inside).any().over(RUN) if width >= WIDE else pl.lit(value=False)
    return odd.with_columns(run).filter(~(matching & ~swallowed) & ~pl.col(LINE).str.contains(f"^{row}$"))


def _row(separator: str) -> str:
    sep = f"\\{separator}" if separator == "|" else separator
    cell = f'(?:[^"{sep}\n]*|"(?:[^"]|"")*")'
    return f"{cell}(?:{sep}{cell})*"


def _mended(separator: str, width: int) -> pl.Expr:
    doubled = pl.col(LINE).str.replace_all('"', '""', literal=True)
    cells = pl.col(LINE).str.split(separator)
    literal = (cells.list.len() == width) & ~cells.list.eval(pl.element().str.starts_with('"')).list.any()
    by_the_letter = pl.concat_str(pl.lit('"'), doubled.str.replace_all(separator, f'"{separator}"', literal=True), pl.lit('"'))
    broken = pl.concat_str(pl.lit(separator * width + f'"{BROKEN}'), doubled, pl.lit('"'))
    return pl.when(literal).then(by_the_letter).otherwise(broken)
