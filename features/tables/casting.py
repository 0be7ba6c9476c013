"""Casts from what a source holds to the kinds of the schema, value by value: a bad cell becomes null."""

import polars as pl

from features.tables.schema import Kind

# ISO 8601 and its common variants; day-first and month-first dates are ambiguous and need STRPTIME in the mapping.
DATE_TIMES = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M")
ZONED = ("%Y-%m-%dT%H:%M%#z", "%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f %#z")
YES = ("true", "t", "yes", "y", "1")
NO = ("false", "f", "no", "n", "0")


def cast(value: pl.Expr, source: pl.DataType, kind: Kind) -> pl.Expr:
    """Return `value`, of type `source`, as the type of `kind`; null where it cannot be read as such.

    Text is stripped and empty text is null. Zoned times become UTC; times without a zone are taken as UTC.
    """
    cleaned = stripped(value) if source == pl.String else value
    return CASTS[kind](cleaned, source)


def stripped(value: pl.Expr) -> pl.Expr:
    """Take surrounding white space off; empty text becomes null."""
    text = value.str.strip_chars()
    return pl.when(text != "").then(text)


def as_text(value: pl.Expr, source: pl.DataType) -> pl.Expr:
    """Ids and names. A whole number read as a float (13078.0) loses its ".0"."""
    if source.is_float():
        whole = value.cast(pl.Int64, strict=False)
        value = value.fill_nan(None)
        value = pl.when(whole == value).then(whole.cast(pl.String)).otherwise(value.cast(pl.String))
    return value.cast(pl.String, strict=False)


def as_time(value: pl.Expr, source: pl.DataType) -> pl.Expr:
    """Moments in UTC without a zone, to the microsecond."""
    if isinstance(source, pl.Datetime):
        zoned = value.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if source.time_zone else value
        return zoned.cast(pl.Datetime("us"))
    if source == pl.Date:
        return value.cast(pl.Datetime("us"))
    return _parsed(value.cast(pl.String, strict=False))


def as_number(value: pl.Expr, source: pl.DataType) -> pl.Expr:  # noqa: ARG001  # one signature for all casts
    """Numbers with a decimal point; "1,234" is no number, "nan" and "inf" are (and are refused later)."""
    return value.cast(pl.Float64, strict=False)


def as_integer(value: pl.Expr, source: pl.DataType) -> pl.Expr:
    """Whole numbers, also when written as 3.0."""
    number = as_number(value, source)
    return pl.when(number == number.floor()).then(number.cast(pl.Int64, strict=False))


def as_flag(value: pl.Expr, source: pl.DataType) -> pl.Expr:
    """Yes or no, in the usual spellings."""
    if source == pl.Boolean:
        return value
    word = value.cast(pl.String, strict=False).str.to_lowercase().str.strip_suffix(".0")
    return pl.when(word.is_in(YES)).then(pl.lit(True)).when(word.is_in(NO)).then(pl.lit(False))  # polars literal


def _parsed(text: pl.Expr) -> pl.Expr:
    text = text.str.replace(r" ?UTC$", "Z")
    compact = pl.when(text.str.len_bytes() == len("20251231")).then(text)
    local = [text.str.to_datetime(form, time_unit="us", strict=False) for form in DATE_TIMES]
    days = [
        part.str.to_date(form, strict=False).cast(pl.Datetime("us")) for part, form in ((text, "%Y-%m-%d"), (compact, "%Y%m%d"))
    ]
    zoned = [
        text.str.to_datetime(form, time_unit="us", time_zone="UTC", strict=False).dt.replace_time_zone(None) for form in ZONED
    ]
    return pl.coalesce(*local, *days, *zoned)


CASTS = {Kind.TEXT: as_text, Kind.TIME: as_time, Kind.NUMBER: as_number, Kind.INTEGER: as_integer, Kind.FLAG: as_flag}
