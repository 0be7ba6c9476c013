"""Find out how a CSV file is written: encoding, line ends, separator, quotes; say so where it is no CSV at all."""

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path

SEPARATORS = (",", ";", "\t", "|")
HEAD_BYTES = 65_536
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
GZIPPED = b"\x1f\x8b"
CHUNK = 1 << 24
NO_TEXT = {
    b"PK\x03\x04": "it is a ZIP or Excel file; save the sheet as CSV or Parquet",
    b"PAR1": "it is a Parquet file; let its name end in .parquet",
    b"%PDF": "it is a PDF file; export the table as CSV or Parquet",
    b"SQLite format 3": "it is a SQLite database; name it as {url, query} in [tables]",
}


class NotCsvError(Exception):  # noqa: N818  # it names what was found
    """The file is something else; the text says what, and what to do."""


@dataclass(frozen=True)
class CsvText:
    """What a CSV file is made of. `source` is the path, or its text as UTF-8 where the file is UTF-16."""

    source: Path | bytes
    separator: str
    line_end: str
    has_quotes: bool


def csv_text(path: Path) -> CsvText:
    """Return how the file at `path` is written.

    UTF-16 (told by its mark) is turned to UTF-8 in memory. Lines end in LF, CRLF, or CR alone; the separator is the one of
    `, ; tab |` that the header has most of. Raises NoCsv for other kinds of file and for text with null bytes in its header.
    """
    try:
        return _looked_at(path, _head(path))
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise NotCsvError("its compressed data breaks off; copy the file again") from None


def _looked_at(path: Path, head: bytes) -> CsvText:
    if head.startswith(UTF_16):
        text = path.read_bytes().decode("utf-16", errors="replace").encode()
        return _described(text, text[:HEAD_BYTES], has_quotes=b'"' in text)
    for start, said in NO_TEXT.items():
        if head.startswith(start):
            raise NotCsvError(said)
    return _described(path, head, has_quotes=_has_quotes(path))


def _described(source: Path | bytes, head: bytes, *, has_quotes: bool) -> CsvText:
    line_end = "\n" if b"\n" in head or b"\r" not in head else "\r"
    header = head.lstrip(b"\r\n").split(line_end.encode(), 1)[0]
    if b"\0" in header:
        raise NotCsvError("its header holds null bytes, so it is no text; save it as CSV in UTF-8")
    separator = max(SEPARATORS, key=lambda each: header.count(each.encode()))
    return CsvText(source, separator, line_end, has_quotes)


def _head(path: Path) -> bytes:
    with path.open("rb") as raw:
        head = raw.read(HEAD_BYTES)
    if not head.startswith(GZIPPED):
        return head
    with gzip.open(path) as text:
        return text.read(HEAD_BYTES)


def _has_quotes(path: Path) -> bool:
    with path.open("rb") as raw:
        packed = raw.read(2) == GZIPPED
    with gzip.open(path) if packed else path.open("rb") as text:
        return any(b'"' in chunk for chunk in iter(lambda: text.read(CHUNK), b""))
