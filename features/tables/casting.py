"""Casts from what a source holds to the kinds of the schema, value by value: a bad cell becomes null."""

import polars as pl

from features.tables.schema import Kind

# ISO 8601 and its common variants; day-first and month-first dates are ambiguous and need STRPTIME in the mapping.
DATE_TIMES = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M")
ZONED = ("%Y-%m-%dT%H:%M%#z", "%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f %#z")
COMPACT = "%Y%m%d"
SAMPLE = 10
READERS = (*DATE_TIMES, "%Y-%m-%d", COMPACT, *ZONED)
YES = ("true", "t", "yes", "y", "1")
NO = ("false", "f", "no", "n", "0")


def cast(value: pl.Expr, source: pl.DataType, kind: Kind) -> pl.Expr:
    """Return `value`, of type `source`, as the type of `kind`; null where it cannot be read as such.

    Text is `stripped` before. Zoned times become UTC; times without a zone are taken as UTC.
    """
    return CASTS[kind](value, source)


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
    return text.map_batches(_times, return_dtype=pl.Datetime("us"), is_elementwise=True)


def _times(text: pl.Series) -> pl.Series:
    """Read with the form that fits the first cells, then what is left with the others: most columns have one form.

    No text fits two forms that would read it differently, so their order does not matter.
    """
    first = text.drop_nulls().head(SAMPLE)
    likely = next((form for form in READERS if not _form(first, form).has_nulls()), READERS[0])
    found = _form(text, likely)
    for form in READERS:
        if found.null_count() == text.null_count():
            break
        left = found.is_null() & text.is_not_null()
        found = found.scatter(left.arg_true(), _form(text.filter(left), form))
    return found


def _form(text: pl.Series, form: str) -> pl.Series:
    if form in ZONED:
        named = text.str.replace(r" ?UTC$", "Z")
        return named.str.to_datetime(form, time_unit="us", time_zone="UTC", strict=False).dt.replace_time_zone(None)
    if form in DATE_TIMES:
        return text.str.to_datetime(form, time_unit="us", strict=False)
    whole = text if form != COMPACT else text.set(text.str.len_bytes() != len("20251231"), None)
    return whole.str.to_date(form, strict=False).cast(pl.Datetime("us"))


CASTS = {Kind.TEXT: as_text, Kind.TIME: as_time, Kind.NUMBER: as_number, Kind.INTEGER: as_integer, Kind.FLAG: as_flag}
