"""Rows that come again: of the versions of a key, the newest one counts, as far as it was known on a day."""

import polars as pl

from expectations.rows.rule import RULE, Rule
from features.tables.schema import INGESTED_AT, SUPERSEDED_AT, SUPERSEDED_RULE
from features.tables.sources import SOURCE

ARRIVED, NEXT_ARRIVED, HAS_NEXT = "_arrived", "_next_arrived", "_has_next"


def superseded_rule(key: tuple[str, ...]) -> Rule:
    """Return the rule that sets aside rows which never held; `mark_superseded` decides which rows break it."""
    sentence = f"the source has a newer version of the row with the same {' and '.join(key)}"
    return Rule(SUPERSEDED_RULE, sentence, pl.lit(value=False), mandatory=True)


def mark_superseded(tested: pl.LazyFrame, key: tuple[str, ...], rule: int) -> pl.LazyFrame:
    """Add `superseded_at` to good rows that have a newer version; set those aside, with index `rule`, that never held.

    All good rows with the same key, `ingested_at` and file are one version. The newest `ingested_at` wins, then the file whose
    name sorts last. A row holds from its own `ingested_at` until that of the next version; a row without it was always known.
    So without dates, only the rows of the newest file hold. Rows with an empty cell in the key have no other version.
    """
    arrived = pl.col(INGESTED_AT.name) if INGESTED_AT.name in tested.collect_schema() else pl.lit(None, pl.Datetime("us"))
    rows = tested.with_columns(arrived.alias(ARRIVED))
    version = [*key, ARRIVED, SOURCE]
    has_key = pl.all_horizontal(pl.col(name).is_not_null() for name in key)
    versions = rows.filter(pl.col(RULE).is_null() & has_key).select(version).unique().sort(version, nulls_last=False)
    with_next = versions.with_columns(
        pl.col(ARRIVED).shift(-1).over(key).alias(NEXT_ARRIVED),
        pl.col(SOURCE).shift(-1).over(key).is_not_null().alias(HAS_NEXT),
    )
    joined = rows.join(with_next, on=version, how="left", nulls_equal=True, maintain_order="left")
    has_next = pl.col(RULE).is_null() & pl.col(HAS_NEXT).fill_null(value=False)
    never_held = has_next & (pl.col(NEXT_ARRIVED).is_null() | (pl.col(NEXT_ARRIVED) <= pl.col(ARRIVED)).fill_null(value=False))
    return joined.with_columns(
        pl.when(never_held).then(pl.lit(rule, pl.UInt32)).otherwise(pl.col(RULE)).alias(RULE),
        pl.when(has_next & ~never_held).then(NEXT_ARRIVED).alias(SUPERSEDED_AT),
    ).drop(ARRIVED, NEXT_ARRIVED, HAS_NEXT)
