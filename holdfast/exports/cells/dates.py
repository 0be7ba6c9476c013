"""How dates and times are written: ISO 8601, day first or month first, names of months, or seconds since 1970."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import product

import polars as pl

from features.tables.casting import as_time
from holdfast.exports.cells.sql import literal

LIKELY = 0.9
ENOUGH = 0.02  # a format of at least this share of the cells gets a branch of its own
DAY_FIRST, MONTH_FIRST = ("%d{0}%m{0}%Y", "%d{0}%m{0}%y"), ("%m{0}%d{0}%Y", "%m{0}%d{0}%y")
YEAR_FIRST = ("%Y{0}%m{0}%d",)
SEPARATORS = ("/", ".", "-")
NAMED = (
    "%b %d, %Y",
    "%B %d, %Y",
    "%d %b %Y",
    "%d %B %Y",
    "%d-%b-%Y",
    "%d-%b-%y",
    "%d-%B-%Y",
    "%a, %d %b %Y",
    "%b %d %Y",
    "%B %d %Y",
    "%b-%d-%y",
    "%b-%d-%Y",
    "%d %b %y",
    "%d. %B %Y",
)
TIMES = (
    "",
    " %H:%M",
    " %H:%M:%S",
    " %I:%M %p",
    " %I:%M:%S %p",
    ", %H:%M",
    ", %H:%M:%S",
    ", %I:%M %p",
    ", %I:%M:%S %p",
    "T%H:%M:%S",
)
EPOCHS = {"seconds": (10, 1_000_000), "milliseconds": (13, 1_000)}
FIRST_DAY, EXCEL_DAYS, DAY_MICROSECONDS = datetime(1980, 1, 1), 25_569, 86_400_000_000  # noqa: DTZ001  # tables hold no zones
LEAST_ORDERED = 0.05


@dataclass(frozen=True)
class TimeFormat:
    """How the dates of a column are written.

    `formats` are those of STRPTIME; empty for ISO 8601. `epoch` names the unit of numbers since 1970, or is `days` for the serial
    numbers of spreadsheets. `is_ambiguous`: no cell decides between day first and month first.
    """

    formats: tuple[str, ...] = ()
    epoch: str | None = None
    is_ambiguous: bool = False

    @property
    def is_day_first(self) -> bool:
        """Whether the day stands before the month."""
        return any(each.startswith("%d") for each in self.formats)

    def sql(self, cell: str) -> str:
        """Return the time in `cell`, a SQL expression."""
        if self.epoch == "days":
            return f"CAST(CAST((CAST({cell} AS DOUBLE) - {EXCEL_DAYS}) * {DAY_MICROSECONDS} AS BIGINT) AS TIMESTAMP)"
        if self.epoch is not None:
            return f"CAST(CAST({cell} AS BIGINT) * {EPOCHS[self.epoch][1]} AS TIMESTAMP)"
        calls = [f"STRPTIME({cell}, {literal(each)})" for each in self.formats]
        if not calls:
            return cell
        return calls[0] if len(calls) == 1 else f"COALESCE({', '.join(calls)})"


def time_format(cells: pl.Series, today: datetime, *, prefers_day_first: bool = True) -> TimeFormat | None:
    """Return how the dates of text cells are written; None if fewer than nine in ten cells are dates.

    Where day and month may be exchanged, dates that lie in the future or are out of order speak against an order of the two; if
    nothing speaks for either, `prefers_day_first` decides and the result is ambiguous.
    """
    text = cells.drop_nulls().str.strip_chars()
    text = text.filter(text != "")
    if text.is_empty():
        return None
    epoch = _epoch(text)
    if epoch is not None:
        return epoch
    iso = pl.select(as_time(pl.lit(text), pl.String(), "UTC")).to_series()  # 03-11-25 is the year 3 there
    if (iso >= FIRST_DAY).sum() >= LIKELY * len(text):
        return TimeFormat()
    return _named_format(text, today, prefers_day_first=prefers_day_first)


def _epoch(text: pl.Series) -> TimeFormat | None:
    numbers = text.str.replace(r"\.0+$", "").filter(text.str.contains(r"^\d+(\.\d+)?$"))
    if len(numbers) < LIKELY * len(text):
        return None
    for unit, (digits, _) in EPOCHS.items():
        if (numbers.str.len_chars() == digits).mean() >= LIKELY:  # type: ignore[operator]  # a mean of booleans
            return TimeFormat(epoch=unit)
    days = numbers.cast(pl.Float64, strict=False)
    is_serial = days.is_between((FIRST_DAY - datetime(1899, 12, 30)).days, 60_000)  # noqa: DTZ001  # as above
    return TimeFormat(epoch="days") if is_serial.mean() >= LIKELY and (days != days.floor()).any() else None  # type: ignore[operator]


def _named_format(text: pl.Series, today: datetime, *, prefers_day_first: bool) -> TimeFormat | None:
    readings = _readings(text)
    day_first, month_first, others = (_best(readings, heads) for heads in (_numeric(DAY_FIRST), _numeric(MONTH_FIRST), _others()))
    if others is not None and (day_first is None or _covered(readings, others) > _covered(readings, day_first)):
        return others
    if day_first is None or month_first is None:
        return day_first or month_first
    by_day, by_month = (_plausibility(readings, each, today) for each in (day_first, month_first))
    if by_day != by_month:
        return day_first if by_day > by_month else month_first
    return replace(day_first if prefers_day_first else month_first, is_ambiguous=True)


def _numeric(patterns: tuple[str, ...]) -> list[str]:
    return [pattern.format(separator) for pattern, separator in product(patterns, SEPARATORS)]


def _others() -> list[str]:
    return [*_numeric(YEAR_FIRST), *NAMED]


def _readings(text: pl.Series) -> dict[str, pl.Series]:
    """Return the times by format, of the formats that read any cell."""
    sample = text.head(200)
    formats = [head + tail for head, tail in product(_likely_heads(sample), _likely_tails(sample))]
    return {each: _parse(text, each) for each in formats if _parse(sample, each).is_not_null().any()}


def _likely_heads(sample: pl.Series) -> list[str]:
    """Return the formats of dates whose separator the cells have; those with names of months only where cells have letters."""
    numeric = [*DAY_FIRST, *MONTH_FIRST, *YEAR_FIRST]
    separators = [separator for separator in SEPARATORS if sample.str.contains(separator, literal=True).any()]
    named = NAMED if sample.str.contains(r"(?i)[a-zé]{3}").any() else ()
    return [*(pattern.format(separator) for pattern, separator in product(numeric, separators)), *named]


def _likely_tails(sample: pl.Series) -> list[str]:
    has_time = sample.str.contains(":", literal=True)
    if not has_time.any():
        return [""]
    is_twelve_hours = sample.str.contains(r"(?i)\d\s*[ap]m\b").any()
    return [each for each in TIMES if (not each and not has_time.all()) or (each and ("%p" in each) == is_twelve_hours)]


def _parse(text: pl.Series, time_format: str) -> pl.Series:
    has_time = "%H" in time_format or "%I" in time_format
    if has_time:
        times = text.str.to_datetime(time_format, strict=False, time_unit="us")
    else:
        times = text.str.to_date(time_format, strict=False).cast(pl.Datetime("us"))
    return times.set(times < FIRST_DAY, None)


def _best(readings: dict[str, pl.Series], heads: list[str]) -> TimeFormat | None:
    """Return the formats of these heads that together read nine in ten cells; those of fewest cells are left out."""
    own = {each: times for each, times in readings.items() if any(each.startswith(head) for head in heads)}
    chosen: list[str] = []
    unread = pl.Series([True]) if not own else pl.repeat(value=True, n=len(next(iter(own.values()))), eager=True)
    total = len(unread)
    while own:
        best = max(own, key=lambda each: (int((own[each].is_not_null() & unread).sum()), each.count("%Y")))
        added = own.pop(best).is_not_null() & unread
        if added.sum() < max(ENOUGH * total, 1):
            break
        chosen.append(best)
        unread &= ~added
    return TimeFormat(tuple(chosen)) if unread.mean() <= 1 - LIKELY and chosen else None  # type: ignore[operator]


def _times(readings: dict[str, pl.Series], chosen: TimeFormat) -> pl.Series:
    return pl.select(pl.coalesce(*(readings[each] for each in chosen.formats))).to_series()


def _covered(readings: dict[str, pl.Series], chosen: TimeFormat) -> int:
    return int(_times(readings, chosen).count())


def _plausibility(readings: dict[str, pl.Series], chosen: TimeFormat, today: datetime) -> tuple[int, bool, int]:
    """Return how plausible a reading is, to be compared: cells read, none in the future, and how well the rows are in order."""
    times = _times(readings, chosen).drop_nulls()
    steps = times.diff().drop_nulls()
    steps = steps.filter(steps != timedelta(0))
    ascending = float((steps > timedelta(0)).mean() or 0.0) if len(steps) else 0.0  # type: ignore[arg-type]
    order = max(ascending, 1 - ascending)
    return len(times), not bool((times > today + timedelta(days=1)).any()), int(order / LEAST_ORDERED)
