"""Detect how a CSV file is written: encoding, line ends, separator, quotes; refuse files that are not CSV."""

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path

SEPARATORS = (",", ";", "\t", "|")
HEAD_BYTES = 65_536
UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
GZIP_MAGIC = b"\x1f\x8b"
CHUNK_BYTES = 1 << 24
# The first bytes of files that are not text, and what to do about each.
NOT_TEXT = {
    b"PK\x03\x04": "it is a ZIP or Excel file; save the sheet as CSV or Parquet",
    b"PAR1": "it is a Parquet file; rename it to end in .parquet",
    b"%PDF": "it is a PDF file; export the table as CSV or Parquet",
    b"SQLite format 3": "it is a SQLite database; configure it as {url, query} in [tables]",
}


class NotCsvError(Exception):
    """The file is not CSV; the text says what it is, and what to do."""


@dataclass(frozen=True)
class CsvDialect:
    """How a CSV file is written. `source` is the path, or the text as UTF-8 where the file is UTF-16."""

    source: Path | bytes
    separator: str
    line_end: str
    has_quotes: bool


def read_dialect(path: Path) -> CsvDialect:
    """Return how the file at `path` is written.

    UTF-16, recognised by its byte order mark, is converted to UTF-8 in memory. Lines end in LF, CRLF, or CR alone. The separator
    is the most frequent of `, ; tab |` in the header. Raises NotCsvError for other files and for a header with null bytes.
    """
    try:
        return _detect(path, _read_head(path))
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise NotCsvError("its compressed data breaks off; copy the file again") from None


def _detect(path: Path, head: bytes) -> CsvDialect:
    if head.startswith(UTF_16_MARKS):
        text = path.read_bytes().decode("utf-16", errors="replace").encode()
        return _dialect(text, text[:HEAD_BYTES], has_quotes=b'"' in text)
    for magic, advice in NOT_TEXT.items():
        if head.startswith(magic):
            raise NotCsvError(advice)
    return _dialect(path, head, has_quotes=_has_quotes(path))


def _dialect(source: Path | bytes, head: bytes, *, has_quotes: bool) -> CsvDialect:
    line_end = "\n" if b"\n" in head or b"\r" not in head else "\r"
    header = head.lstrip(b"\r\n").split(line_end.encode(), 1)[0]
    if b"\0" in header:
        raise NotCsvError("its header holds null bytes, so it is not text; save it as CSV in UTF-8")
    separator = max(SEPARATORS, key=lambda candidate: header.count(candidate.encode()))
    return CsvDialect(source, separator, line_end, has_quotes)


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
