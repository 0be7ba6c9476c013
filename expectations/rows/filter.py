"""Filter a table in one pass: good rows to one file, rows set aside to another, and all counts on the way."""

import functools
import operator
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from expectations.rows.order_versions import order_versions
from expectations.rows.rule import ERASED_RULE, RULE, Rule, first_broken_rule, rule_names
from expectations.rows.superseded import mark_superseded
from features.point_in_time import current_rows
from features.storage.hashing import NO_IDS, HashedIds
from features.tables.errors import TableUnusableError
from features.tables.mapping import RAW, ZONED
from features.tables.read import RawTable
from features.tables.schema import SUPERSEDED_AT, SUPERSEDED_RULE, Kind, Table
from features.tables.selection import LEFT_OUT
from features.tables.sources import OVERFLOW, ROW, SOURCE
from settings.errors import first_line

ROW_HASH, ROW_KEY = "_content", "row_key"
# Prefixes of the columns of counts.
WARNED, READABLE, UNREADABLE, FILLED, LARGEST = "warned:", "read:", "unread:", "filled:", "largest:"
GOOD = pl.col(RULE).is_null()
AMOUNT_COLUMNS = ("amount", "cost")
UNDECODABLE = "\ufffd"  # in the place of bytes that are not text
REASON_COLUMNS = ("rule", "reason", "source", "row")
# A real date in an order other than ISO's, or ISO with day and month exchanged: 2025-13-02, 13/02/2025, 02/13/2025.
DAY, MONTH = "(?:1[3-9]|2\\d|3[01])", "(?:0?[1-9]|1[0-2])"
SWAPPED = rf"^\s*(?:\d{{4}}[-/.]{DAY}[-/.]{MONTH}\b|(?:{DAY}[-/.]{MONTH}|{MONTH}[-/.]{DAY})[-/.]\d{{2,4}}\b)"


@dataclass(frozen=True)
class FilterResult:
    """The counts of one pass over a table.

    `totals`: see `_total_counts`. `rows_by_rule`: rows per first broken rule that sets aside, None for good rows.
    `warned_rows`: good rows per rule that only warns. `files`: per file its rows, content, good and distinct good rows.
    `distinct_rows`: distinct good rows of all files together. `daily_files`: good rows per file and day and, where there are
    amounts, their sums, the number of positive ones and the sum of their logarithms; None without dates. `order_versions`: see
    the module of that name. Rows that a newer version supersedes count in neither.
    """

    totals: dict[str, Any]
    rows_by_rule: dict[str | None, int]
    warned_rows: dict[str, int]
    files: pl.DataFrame
    distinct_rows: int
    daily_files: pl.DataFrame | None
    order_versions: dict[str, Any] | None = None

    @property
    def daily_counts(self) -> pl.DataFrame | None:
        """The counts of `daily_files` per day, ascending."""
        if self.daily_files is None:
            return None
        return self.daily_files.drop(SOURCE).group_by("day").sum().sort("day")

    @property
    def read(self) -> int:
        """All rows of the source."""
        return sum(self.rows_by_rule.values())

    @property
    def used(self) -> int:
        """Good rows: those that break no rule that sets aside."""
        return self.rows_by_rule.get(None, 0)

    @property
    def content_hash(self) -> str:
        """A hash of all rows that depends neither on their order nor on their files."""
        return f"{int(self.files['content'].sum()) % 2**64:016x}" if self.files.height else ""

    @property
    def repeated_files(self) -> list[str]:
        """Files with the same rows, in whatever order, as another file whose name sorts earlier."""
        return self.files.sort(SOURCE).filter(~pl.struct("content", "rows").is_first_distinct())[SOURCE].to_list()


def filter_rows(
    table: Table, source: RawTable, rules: list[Rule], good: Path, bad: Path, erased: HashedIds = NO_IDS
) -> FilterResult:
    """Write the good rows of `source` to `good` and the others to `bad`, as Parquet, and count in the same pass.

    `bad` has the rule, its sentence, source file and row number, and the cells as the source had them. Rows of `erased`
    customers go to neither file, and no good row names one in `referred_by`.
    Raises TableUnusableError when reading stops midway.
    """
    raw, files = source.rows, source.files
    tested = raw.with_columns(first_broken_rule(rules).alias(RULE), _row_hash(raw).alias(ROW_HASH))
    if source.key:
        tested = mark_superseded(tested.cache(), source.key, [rule.name for rule in rules].index(SUPERSEDED_RULE))
    tested = tested.cache()  # else the filter moves down into the source, and everything is read and tested twice
    present = tested.collect_schema()
    names = [column.name for column in table.columns if column.name in present]
    written = [*names, SUPERSEDED_AT] if SUPERSEDED_AT in present else names
    kept = tested.filter(pl.col(RULE).is_null())
    versions = None if source.key else order_versions(kept, names, len(files))
    warnings = [rule for rule in rules if rule.severity == "warn"]
    queries = [
        kept.select(_good_cell(table, erased, name) for name in written).sink_parquet(
            good, lazy=True, compression="lz4", statistics=False
        ),
        quarantined_rows(table, tested, rules).sink_parquet(bad, lazy=True),
        tested.select(*_total_counts(table, names), *((GOOD & rule.broken).sum().alias(WARNED + rule.name) for rule in warnings)),
        tested.group_by(RULE).len(),
        _counts_per_file(tested, files),
        kept.select(ROW_HASH) if len(files) == 1 else kept.select(ROW_HASH, pl.col(SOURCE).cast(pl.Categorical)),
        *_daily_files(table, current_rows(kept), names, files),
        *([] if versions is None else [versions]),
    ]
    _, _, totals, rule_counts, per_file, hashes, *others = _collect(table, queries)
    counts, distinct = totals.row(0, named=True), hashes[ROW_HASH].n_unique()
    named_counts = rule_counts.with_columns(rule_names(rules, pl.col(RULE))).sort("len", RULE, descending=[True, False])
    return FilterResult(
        totals={name: value for name, value in counts.items() if not name.startswith(WARNED)},
        rows_by_rule=dict(named_counts.iter_rows()),
        warned_rows={name.removeprefix(WARNED): rows for name, rows in counts.items() if name.startswith(WARNED) and rows},
        files=per_file.join(_distinct_rows_per_file(hashes, files, distinct), on=SOURCE, how="left").sort(SOURCE),
        distinct_rows=distinct,
        daily_files=others[0] if table.known_from in names else None,
        order_versions=None if versions is None else others[-1].row(0, named=True),
    )


def _good_cell(table: Table, erased: HashedIds, name: str) -> pl.Expr:
    """Return a column of good rows: null where another customer's row names an erased one, and for text that is not readable.

    Two words whose letters were lost, such as brands in another encoding, would look alike.
    """
    column = table.column(name)
    if column is not None and column.kind is Kind.TEXT and not column.required and name != "referred_by":
        return pl.when(~pl.col(name).str.contains(UNDECODABLE, literal=True)).then(name)
    if name != "referred_by" or not erased.hashes:
        return pl.col(name)
    return pl.when(~erased.holds(name)).then(name)


def _counts_per_file(tested: pl.LazyFrame, files: list[str]) -> pl.LazyFrame:
    """Return rows, content and good rows per file; a single file needs no grouping."""
    counts = [pl.col(ROW_HASH).sum().alias("content"), pl.len().alias("rows"), GOOD.sum().alias("used")]
    if len(files) > 1:
        return tested.group_by(SOURCE).agg(counts)
    return tested.select(counts).filter(pl.col("rows") > 0).select(pl.lit(files[0]).alias(SOURCE), pl.all())


def _distinct_rows_per_file(hashes: pl.DataFrame, files: list[str], distinct_rows: int) -> pl.DataFrame:
    """Return distinct good rows per file; a single file has all `distinct_rows`."""
    if len(files) == 1:
        return pl.DataFrame({SOURCE: files, "distinct": [distinct_rows]})
    per_file = hashes.group_by(SOURCE).agg(pl.col(ROW_HASH).n_unique().alias("distinct"))
    return per_file.with_columns(pl.col(SOURCE).cast(pl.String))


def quarantined_rows(table: Table, tested: pl.LazyFrame, rules: list[Rule]) -> pl.LazyFrame:
    """Return the rows that are set aside, as the quarantine file has them: every cell as text, as in the source.

    `row_key` is a hash of the cells; with it a release detects that a row changed since the quarantine was written.
    """
    sentences = {index: rule.sentence for index, rule in enumerate(rules)}
    schema = tested.collect_schema()
    internal = {ROW, SOURCE, RULE, OVERFLOW, ROW_HASH, ZONED, LEFT_OUT, SUPERSEDED_AT}
    cells = [_source_cell(name, RAW + name in schema) for name in schema if name not in internal and not name.startswith(RAW)]
    reason = pl.col(RULE).replace_strict(sentences, default=None, return_dtype=pl.String).alias("reason")
    erased = [index for index, rule in enumerate(rules) if rule.name == ERASED_RULE]
    set_aside = tested.filter(pl.col(RULE).is_not_null() & ~pl.col(RULE).is_in(erased)).select(
        rule_names(rules, pl.col(RULE)),
        reason,
        pl.col(SOURCE).alias("source"),
        pl.col(ROW).alias("row"),
        *cells,
        pl.col(OVERFLOW).alias("beyond_header"),
    )
    key = pl.struct(set_aside.collect_schema().names()[len(REASON_COLUMNS) :]).hash().cast(pl.String).alias(ROW_KEY)
    return set_aside.select(pl.lit(table.name).alias("table"), *REASON_COLUMNS, key, pl.exclude(REASON_COLUMNS))


def _collect(table: Table, queries: list[pl.LazyFrame]) -> list[pl.DataFrame]:
    try:
        return pl.collect_all(queries, engine="streaming")
    except (pl.exceptions.PolarsError, OSError) as error:
        raise TableUnusableError(table.name, f"reading stopped: {first_line(error)}.", "reading stopped midway.") from None


def _source_cell(name: str, has_raw: bool) -> pl.Expr:  # noqa: FBT001  # one caller, a few lines above
    text = pl.col(name).cast(pl.String)
    return pl.coalesce(text, RAW + name).alias(name) if has_raw else text


def _row_hash(raw: pl.LazyFrame) -> pl.Expr:
    """Return a 64-bit hash of a row; two of ten million different rows share one with a probability of 3 in a million."""
    names = [name for name in raw.collect_schema() if name not in {ROW, SOURCE, ZONED, LEFT_OUT}]
    return functools.reduce(operator.xor, (pl.col(name).hash(seed) for seed, name in enumerate(names)))


def _total_counts(table: Table, names: list[str]) -> list[pl.Expr]:
    """Return the counts of a table as expressions.

    Of all rows: readable and unreadable cells per column that is not text, times with and without a zone, and unreadable
    dates with day and month swapped. Of good rows: filled cells and the largest absolute number per column, the newest date
    and the number of return lines.
    """
    typed = [column for column in table.columns if column.name in names and column.kind is not Kind.TEXT]
    numbers = [column.name for column in typed if column.kind is Kind.NUMBER and column.low is None]
    swapped = pl.col(RAW + table.known_from).str.contains(SWAPPED).sum() if table.known_from in names else pl.lit(0)
    return [
        *(pl.col(column.name).count().alias(READABLE + column.name) for column in typed),
        *(pl.col(RAW + column.name).count().alias(UNREADABLE + column.name) for column in typed),
        *((GOOD & pl.col(name).is_not_null()).sum().alias(FILLED + name) for name in names),
        *(pl.when(GOOD).then(pl.col(name).abs()).max().alias(LARGEST + name) for name in numbers),
        pl.col(ZONED).sum().alias("zoned"),
        (~pl.col(ZONED)).sum().alias("unzoned"),
        swapped.alias("swapped"),
        _newest_date(table, names),
        *_return_lines(names),
    ]


def _newest_date(table: Table, names: list[str]) -> pl.Expr:
    has_dates = table.known_from in names
    newest = pl.when(GOOD).then(pl.col(table.known_from)).max() if has_dates else pl.lit(None, pl.Datetime("us"))
    return newest.alias("newest")


def _return_lines(names: list[str]) -> list[pl.Expr]:
    """Count return lines: negative quantity, or negative amount if there is no quantity; empty if there is neither."""
    signed = next((name for name in ("quantity", "amount") if name in names), None)
    return [(GOOD & (pl.col(signed) < 0)).sum().alias("returns")] if signed else []


def amount_column(names: Collection[str]) -> str | None:
    """Return the column of a table that holds money; None where it has none."""
    return next((name for name in AMOUNT_COLUMNS if name in names), None)


def amount_sums(name: str) -> list[pl.Expr]:
    """Return what is summed of amounts: `sales`, `returns`, the number of `positive` ones and the `log_sum` of these."""
    amount = pl.col(name)
    positive = pl.when(amount > 0).then(amount)
    return [
        positive.sum().alias("sales"),
        pl.when(amount < 0).then(amount).sum().alias("returns"),
        positive.count().alias("positive"),
        positive.log().sum().alias("log_sum"),
    ]


def _daily_files(table: Table, kept: pl.LazyFrame, names: list[str], files: list[str]) -> list[pl.LazyFrame]:
    """Return one frame with the counts per file and day; a single file needs no grouping. No frame without dates."""
    if table.known_from not in names:
        return []
    name = amount_column(names)
    sums = [pl.len().alias("rows"), *(amount_sums(name) if name else [])]
    day = pl.col(table.known_from).dt.date().alias("day")
    if len(files) > 1:
        counts = kept.group_by(pl.col(SOURCE).cast(pl.Categorical), day).agg(sums).with_columns(pl.col(SOURCE).cast(pl.String))
    else:
        counts = kept.group_by(day).agg(sums).select(pl.lit(files[0]).alias(SOURCE), pl.all())
    return [counts.drop_nulls("day")]
