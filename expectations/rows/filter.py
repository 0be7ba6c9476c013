"""One pass over a table: good rows to one file, rows set aside to another, and every count on the way."""

import functools
import operator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from expectations.rows.rule import ERASED_RULE, RULE, Rule, broken_rule, named
from features.storage.hashing import NO_IDS, HashedIds
from features.tables.errors import TableUnusableError
from features.tables.mapping import RAW, ZONED
from features.tables.read import RawTable
from features.tables.schema import Kind, Table
from features.tables.sources import OVERFLOW, ROW, SOURCE
from settings.errors import first_line

CONTENT, KEY = "_content", "row_key"
WARNED = "warned:"
GOOD = pl.col(RULE).is_null()
HOW_QUARANTINED = ("rule", "reason", "source", "row")
# A real date in another order than ISO's, or ISO with day and month exchanged: 2025-13-02, 13/02/2025, 02/13/2025.
DAY, MONTH = "(?:1[3-9]|2\\d|3[01])", "(?:0?[1-9]|1[0-2])"
SWAPPED = rf"^\s*(?:\d{{4}}[-/.]{DAY}[-/.]{MONTH}\b|(?:{DAY}[-/.]{MONTH}|{MONTH}[-/.]{DAY})[-/.]\d{{2,4}}\b)"


@dataclass(frozen=True)
class FilterResult:
    """What one pass found.

    `totals`: one row, see `_totals`. `broken`: rows per rule, None for good ones. `warned`: good rows per rule that only
    warns. `files`: rows and content per file, good rows and distinct good rows. `distinct`: distinct good rows of all.
    `days`: per day of good rows their number, and of positive amounts the number and the sum of logarithms; None without days.
    """

    totals: dict[str, Any]
    broken: dict[str | None, int]
    warned: dict[str, int]
    files: pl.DataFrame
    distinct: int
    days: pl.DataFrame | None

    @property
    def read(self) -> int:
        """All rows of the source."""
        return sum(self.broken.values())

    @property
    def used(self) -> int:
        """Rows that break no rule that sets aside."""
        return self.broken.get(None, 0)

    @property
    def content(self) -> str:
        """A number that stays the same as long as the same rows are there, in whatever order and files."""
        return f"{int(self.files['content'].sum()) % 2**64:016x}" if self.files.height else ""

    @property
    def repeated(self) -> list[str]:
        """Files that hold, in whatever order, the rows that a file earlier in order of name holds."""
        return self.files.sort(SOURCE).filter(~pl.struct("content", "rows").is_first_distinct())[SOURCE].to_list()


def filter_rows(
    table: Table, source: RawTable, rules: list[Rule], good: Path, bad: Path, erased: HashedIds = NO_IDS
) -> FilterResult:
    """Write the good rows of `source` to `good` and the others to `bad`, as Parquet, and count in the same pass.

    `bad` has the rule, its sentence, source file and row, and the cells as the source had them. No row of an `erased` customer
    goes to either, nor does a good row name one as the one who referred.
    Raises TableUnusable when reading stops midway.
    """
    raw, files = source.rows, source.files
    names = [column.name for column in table.columns if column.name in raw.collect_schema()]
    judged = raw.with_columns(broken_rule(rules).alias(RULE), _mixed(raw).alias(CONTENT))
    judged = judged.cache()  # else the filter moves down into the source, and everything is read and judged twice
    kept = judged.filter(pl.col(RULE).is_null())
    warnings = [rule for rule in rules if rule.severity == "warn"]
    queries = [
        kept.select(_without(erased, name) for name in names).sink_parquet(good, lazy=True, compression="lz4", statistics=False),
        quarantined(table, judged, rules).sink_parquet(bad, lazy=True),
        judged.select(*_totals(table, names), *((GOOD & rule.broken).sum().alias(WARNED + rule.name) for rule in warnings)),
        judged.group_by(RULE).len(),
        _per_file(judged, files),
        kept.select(CONTENT) if len(files) == 1 else kept.select(CONTENT, pl.col(SOURCE).cast(pl.Categorical)),
        *_days(table, kept, names),
    ]
    _, _, totals, broken, per_file, lines, *days = _collected(table, queries)
    counts, distinct = totals.row(0, named=True), lines[CONTENT].n_unique()
    return FilterResult(
        {name: value for name, value in counts.items() if not name.startswith(WARNED)},
        dict(broken.with_columns(named(rules, pl.col(RULE))).sort("len", RULE, descending=[True, False]).iter_rows()),
        {name.removeprefix(WARNED): rows for name, rows in counts.items() if name.startswith(WARNED) and rows},
        per_file.join(_distinct(lines, files, distinct), on=SOURCE, how="left").sort(SOURCE),
        distinct,
        days[0] if days else None,
    )


def _without(erased: HashedIds, name: str) -> pl.Expr:
    """The ids of other customers that a row names."""
    if name != "referred_by" or not erased.hashes:
        return pl.col(name)
    return pl.when(~erased.holds(name)).then(name)


def _per_file(judged: pl.LazyFrame, files: list[str]) -> pl.LazyFrame:
    """Rows, content and good rows per file; of one file alone there is nothing to group."""
    told = [pl.col(CONTENT).sum().alias("content"), pl.len().alias("rows"), GOOD.sum().alias("used")]
    if len(files) > 1:
        return judged.group_by(SOURCE).agg(told)
    return judged.select(told).filter(pl.col("rows") > 0).select(pl.lit(files[0]).alias(SOURCE), pl.all())


def _distinct(lines: pl.DataFrame, files: list[str], of_all: int) -> pl.DataFrame:
    """Distinct good rows per file; of one file alone they are those of all."""
    if len(files) == 1:
        return pl.DataFrame({SOURCE: files, "distinct": [of_all]})
    per_file = lines.group_by(SOURCE).agg(pl.col(CONTENT).n_unique().alias("distinct"))
    return per_file.with_columns(pl.col(SOURCE).cast(pl.String))


def quarantined(table: Table, judged: pl.LazyFrame, rules: list[Rule]) -> pl.LazyFrame:
    """Return the rows that are set aside as the quarantine shows them: every cell as text, as the source had it.

    `row_key` tells whether a row is still the one that it was when somebody corrected it.
    """
    sentences = {place: rule.sentence for place, rule in enumerate(rules)}
    schema = judged.collect_schema()
    inner = {ROW, SOURCE, RULE, OVERFLOW, CONTENT, ZONED}
    cells = [_as_read(name, RAW + name in schema) for name in schema if name not in inner and not name.startswith(RAW)]
    reason = pl.col(RULE).replace_strict(sentences, default=None, return_dtype=pl.String).alias("reason")
    gone = [place for place, rule in enumerate(rules) if rule.name == ERASED_RULE]
    set_aside = judged.filter(pl.col(RULE).is_not_null() & ~pl.col(RULE).is_in(gone)).select(
        named(rules, pl.col(RULE)),
        reason,
        pl.col(SOURCE).alias("source"),
        pl.col(ROW).alias("row"),
        *cells,
        pl.col(OVERFLOW).alias("beyond_header"),
    )
    key = pl.struct(set_aside.collect_schema().names()[len(HOW_QUARANTINED) :]).hash().cast(pl.String).alias(KEY)
    return set_aside.select(pl.lit(table.name).alias("table"), *HOW_QUARANTINED, key, pl.exclude(HOW_QUARANTINED))


def _collected(table: Table, queries: list[pl.LazyFrame]) -> list[pl.DataFrame]:
    try:
        return pl.collect_all(queries, engine="streaming")
    except (pl.exceptions.PolarsError, OSError) as error:
        raise TableUnusableError(table.name, f"reading stopped: {first_line(error)}.", "reading stopped midway.") from None


def _as_read(name: str, has_raw: bool) -> pl.Expr:  # noqa: FBT001  # one caller, a few lines above
    text = pl.col(name).cast(pl.String)
    return pl.coalesce(text, RAW + name).alias(name) if has_raw else text


def _mixed(raw: pl.LazyFrame) -> pl.Expr:
    """A 64-bit hash of a row; among ten million different rows two share one with a probability of 3 in a million."""
    names = [name for name in raw.collect_schema() if name not in {ROW, SOURCE, ZONED}]
    return functools.reduce(operator.xor, (pl.col(name).hash(place) for place, name in enumerate(names)))


def _totals(table: Table, names: list[str]) -> list[pl.Expr]:
    """Over all rows: readable and unreadable cells per typed column, zones told and not. Over good ones: filled, largest."""
    typed = [column for column in table.columns if column.name in names and column.kind is not Kind.TEXT]
    numbers = [column.name for column in typed if column.kind is Kind.NUMBER and column.low is None]
    swapped = pl.col(RAW + table.known_from).str.contains(SWAPPED).sum() if table.known_from in names else pl.lit(0)
    return [
        *(pl.col(column.name).count().alias(f"read:{column.name}") for column in typed),
        *(pl.col(RAW + column.name).count().alias(f"unread:{column.name}") for column in typed),
        *((GOOD & pl.col(name).is_not_null()).sum().alias(f"filled:{name}") for name in names),
        *(pl.when(GOOD).then(pl.col(name).abs()).max().alias(f"largest:{name}") for name in numbers),
        pl.col(ZONED).sum().alias("zoned"),
        (~pl.col(ZONED)).sum().alias("unzoned"),
        swapped.alias("swapped"),
        *_when(table, names),
        *_lines(names),
    ]


def _when(table: Table, names: list[str]) -> list[pl.Expr]:
    newest = pl.when(GOOD).then(pl.col(table.known_from)).max() if table.known_from in names else pl.lit(None, pl.Datetime("us"))
    return [newest.alias("newest")]


def _lines(names: list[str]) -> list[pl.Expr]:
    """Return lines: negative quantity, or negative amount where there is no quantity."""
    signed = next((name for name in ("quantity", "amount") if name in names), None)
    return [(GOOD & (pl.col(signed) < 0)).sum().alias("returns")] if signed else []


def _days(table: Table, kept: pl.LazyFrame, names: list[str]) -> list[pl.LazyFrame]:
    """Rows per day, and of positive amounts the number and the sum of logarithms; nothing for a table without dates."""
    if table.known_from not in names:
        return []
    amounts = pl.when(pl.col("amount") > 0).then(pl.col("amount").log())
    told = [amounts.count().alias("positive"), amounts.sum().alias("log_sum")] if "amount" in names else []
    day = pl.col(table.known_from).dt.date().alias("day")
    return [kept.group_by(day).agg(pl.len().alias("rows"), *told).drop_nulls("day").sort("day")]
