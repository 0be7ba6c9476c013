"""Detect how a CSV file is written: encoding, line ends, separator, quotes; refuse files that are not CSV."""

import codecs
import gzip
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

SEPARATORS = (",", ";", "\t", "|")
HEAD_BYTES = 65_536
UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
GZIP_MAGIC = b"\x1f\x8b"
CHUNK_BYTES = 1 << 24
SEPARATOR_LINE = re.compile(rb"(?:\xef\xbb\xbf)?\"?sep=([,;\t|])\"?[,;\t|]*(?:\r\n|\n|\r)", re.IGNORECASE)
# The first bytes of files that are not text, and what to do about each.
NOT_TEXT = {
    b"PK\x03\x04": "it is a ZIP or Excel file; rename a workbook to end in .xlsx, or save the sheet as CSV",
    b"PAR1": "it is a Parquet file; rename it to end in .parquet",
    b"%PDF": "it is a PDF file; export the table as CSV or Parquet",
    b"SQLite format 3": "it is a SQLite database; configure it as {url, query} in [tables]",
}


class NotCsvError(Exception):
    """The file is not CSV; the text says what it is, and what to do."""


@dataclass(frozen=True)
class CsvDialect:
    """How a CSV file is written.

    `source` is the path, or the text from its header on in UTF-8 where the file is in another encoding or has lines before it.
    """

    source: Path | bytes
    separator: str
    line_end: str
    has_quotes: bool


def read_dialect(path: Path, encoding: str = "utf-8", skip_lines: int = 0) -> CsvDialect:
    """Return how the file at `path` is written.

    UTF-16, recognised by its byte order mark, and other encodings than UTF-8 are converted in memory. Lines end in LF, CRLF, or
    CR alone. `skip_lines` lines before the header are left out, and the line `sep=;` that spreadsheets write, which names the
    separator; without it the most frequent of `, ; tab |` in the header is. Raises NotCsvError for other files and for a header
    with null bytes.
    """
    try:
        return _detect(path, _read_head(path), encoding, skip_lines)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise NotCsvError("its compressed data breaks off; copy the file again") from None


def _detect(path: Path, head: bytes, encoding: str, skip_lines: int) -> CsvDialect:
    is_utf_16 = head.startswith(UTF_16_MARKS)
    for magic, advice in {} if is_utf_16 else NOT_TEXT.items():
        if head.startswith(magic):
            raise NotCsvError(advice)
    if not is_utf_16 and codecs.lookup(encoding).name == "utf-8" and not skip_lines and not SEPARATOR_LINE.match(head):
        return _dialect(path, head, None, has_quotes=_has_quotes(path))
    text = _read_all(path).decode("utf-16" if is_utf_16 else encoding, errors="replace").encode().removeprefix(codecs.BOM_UTF8)
    line_end = _line_end(text).encode()
    separator_line = SEPARATOR_LINE.match(text)
    rows = text[separator_line.end() :] if separator_line else text
    for _ in range(skip_lines):
        _, _, rows = rows.partition(line_end)
    named = separator_line[1].decode() if separator_line else None
    return _dialect(rows, rows[:HEAD_BYTES], named, has_quotes=b'"' in rows)


def _dialect(source: Path | bytes, head: bytes, named: str | None, *, has_quotes: bool) -> CsvDialect:
    line_end = _line_end(head)
    header = head.lstrip(b"\r\n").split(line_end.encode(), 1)[0]
    if b"\0" in header:
        raise NotCsvError("its header holds null bytes, so it is not text; save it as CSV in UTF-8")
    separator = named or max(SEPARATORS, key=lambda candidate: header.count(candidate.encode()))
    return CsvDialect(source, separator, line_end, has_quotes)


def _line_end(text: bytes) -> str:
    head = text[:HEAD_BYTES]
    return "\n" if b"\n" in head or b"\r" not in head else "\r"


def _read_all(path: Path) -> bytes:
    content = path.read_bytes()
    return gzip.decompress(content) if content.startswith(GZIP_MAGIC) else content


def _read_head(path: Path) -> bytes:
    with path.open("rb") as raw:
        head = raw.read(HEAD_BYTES)
    if not head.startswith(GZIP_MAGIC):
        return head
    with gzip.open(path) as text:
        return text.read(HEAD_BYTES)


def _has_quotes(path: Path) -> bool:
    with path.open("rb") as raw:
        is_gzipped = raw.read(2) == GZIP_MAGIC
    with gzip.open(path) if is_gzipped else path.open("rb") as text:
        return any(b'"' in chunk for chunk in iter(lambda: text.read(CHUNK_BYTES), b""))
