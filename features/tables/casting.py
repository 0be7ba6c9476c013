"""Casts from the types of a source to the kinds of the schema, value by value: a bad cell becomes null."""

from functools import partial

import polars as pl

from features.tables.schema import Kind

# ISO 8601 and its common variants. Day-first and month-first dates are ambiguous: they need STRPTIME in the mapping.
DATE_TIME_FORMATS = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M")
ZONED_FORMATS = (
    "%Y-%m-%dT%H:%M%#z",
    "%Y-%m-%d %H:%M%#z",
    "%Y-%m-%dT%H:%M:%S%.f%#z",
    "%Y-%m-%d %H:%M:%S%.f%#z",
    "%Y-%m-%d %H:%M:%S%.f %#z",
)
COMPACT_FORMAT = "%Y%m%d"
FORMATS = (*DATE_TIME_FORMATS, "%Y-%m-%d", COMPACT_FORMAT, *ZONED_FORMATS)
SAMPLE_CELLS = 10
# Yes and no as tables of shops have them: in the main languages, and as the states of a subscription.
TRUE_WORDS = (
    *("true", "t", "yes", "y", "1", "on", "subscribed", "opted in", "opt in", "granted"),
    *("ja", "j", "oui", "o", "si", "sí", "s", "sim", "tak", "ano", "áno", "da", "да", "так", "kyllä", "igen", "evet", "ναι"),
    *("はい", "是", "예", "네"),
)
FALSE_WORDS = (
    *("false", "f", "no", "n", "0", "off", "unsubscribed", "not subscribed", "never subscribed", "opted out", "opt out"),
    *("denied", "declined", "revoked", "withdrawn"),
    *("nein", "non", "não", "nao", "nee", "nej", "nei", "nie", "ne", "nu", "нет", "ні", "ei", "nem", "hayır", "όχι"),
    *("いいえ", "否", "아니요"),
)


def cast(value: pl.Expr, source: pl.DataType, kind: Kind, time_zone: str = "UTC") -> pl.Expr:
    """Return `value`, of type `source`, as the type of `kind`; null where it cannot be read as such.

    Text must have been through `strip_text`. Times with a zone are converted to `time_zone`; those without one are in it.
    """
    return as_time(value, source, time_zone) if kind is Kind.TIME else CASTS[kind](value, source)


def strip_text(value: pl.Expr) -> pl.Expr:
    """Remove surrounding white space; empty text becomes null."""
    text = value.str.strip_chars()
    return pl.when(text != "").then(text)


def as_text(value: pl.Expr, source: pl.DataType) -> pl.Expr:
    """Return ids and names. A whole number read as a float (13078.0) loses its ".0"."""
    if source.is_float():
        whole_number = value.cast(pl.Int64, strict=False)
        value = value.fill_nan(None)
        value = pl.when(whole_number == value).then(whole_number.cast(pl.String)).otherwise(value.cast(pl.String))
    return value.cast(pl.String, strict=False)


def as_time(value: pl.Expr, source: pl.DataType, time_zone: str) -> pl.Expr:
    """Return times in a time zone, without a zone, to the microsecond; dates stay as they are."""
    if isinstance(source, pl.Datetime):
        zoned = value.dt.convert_time_zone(time_zone).dt.replace_time_zone(None) if source.time_zone else value
        return zoned.cast(pl.Datetime("us"))
    if source == pl.Date:
        return value.cast(pl.Datetime("us"))
    return _parse_times(value.cast(pl.String, strict=False), time_zone)


def as_number(value: pl.Expr, source: pl.DataType) -> pl.Expr:  # noqa: ARG001  # one signature for all casts
    """Return numbers with a decimal point; "1,234" is not a number, "nan" and "inf" are (and are quarantined later)."""
    return value.cast(pl.Float64, strict=False)


def as_integer(value: pl.Expr, source: pl.DataType) -> pl.Expr:
    """Return whole numbers, also those written as 3.0."""
    number = as_number(value, source)
    return pl.when(number == number.floor()).then(number.cast(pl.Int64, strict=False))


def as_flag(value: pl.Expr, source: pl.DataType) -> pl.Expr:
    """Return yes or no from the usual spellings, in any case of letters, with spaces, hyphens or underscores."""
    if source == pl.Boolean:
        return value
    text = value.cast(pl.String, strict=False).str.normalize("NFC").str.to_lowercase()
    word = text.str.replace_all(r"[\s_-]+", " ").str.strip_suffix(".0")
    return pl.when(word.is_in(TRUE_WORDS)).then(pl.lit(True)).when(word.is_in(FALSE_WORDS)).then(pl.lit(False))  # polars literal


def _parse_times(text: pl.Expr, time_zone: str) -> pl.Expr:
    return text.map_batches(partial(_parse_series, time_zone), return_dtype=pl.Datetime("us"), is_elementwise=True)


def _parse_series(time_zone: str, text: pl.Series) -> pl.Series:
    """Parse with the format that fits the first cells, then the rest with the others: most columns have one format.

    No text fits two formats that would read it differently, so their order does not matter.
    """
    sample = text.drop_nulls().head(SAMPLE_CELLS)
    likely = next((each for each in FORMATS if not _parse_with(each, sample, time_zone).has_nulls()), FORMATS[0])
    times = _parse_with(likely, text, time_zone)
    for time_format in FORMATS:
        if times.null_count() == text.null_count():
            break
        unparsed = times.is_null() & text.is_not_null()
        times = times.scatter(unparsed.arg_true(), _parse_with(time_format, text.filter(unparsed), time_zone))
    return times


def _parse_with(time_format: str, text: pl.Series, time_zone: str) -> pl.Series:
    if time_format in ZONED_FORMATS:
        zoned = text.str.replace(r" ?UTC$", "Z")
        times = zoned.str.to_datetime(time_format, time_unit="us", time_zone="UTC", strict=False)
        return times.dt.convert_time_zone(time_zone).dt.replace_time_zone(None)
    if time_format in DATE_TIME_FORMATS:
        return text.str.to_datetime(time_format, time_unit="us", strict=False)
    dates = text if time_format != COMPACT_FORMAT else text.set(text.str.len_bytes() != len("20251231"), None)
    return dates.str.to_date(time_format, strict=False).cast(pl.Datetime("us"))


CASTS = {Kind.TEXT: as_text, Kind.NUMBER: as_number, Kind.INTEGER: as_integer, Kind.FLAG: as_flag}
