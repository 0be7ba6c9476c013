"""Brands, categories, products and the like that differ only in case or spaces."""

import polars as pl

from expectations.check import Measure
from features.tables.words import WORDS, normalised_word

PLURALS = {"product_id": "products", "category": "categories"}


def alike_words(good: pl.LazyFrame) -> dict[str, Measure]:
    """Return how many words are another spelling of one; empty for a table without WORDS."""
    present = [name for name in good.collect_schema() if name in WORDS]
    if not present:
        return {}
    distinct = [good.select(name).drop_nulls().unique() for name in present]
    counted = [frame.select(pl.len() - normalised_word(name).n_unique()) for name, frame in zip(present, distinct, strict=True)]
    extra = {name: int(count.item()) for name, count in zip(present, pl.collect_all(counted, engine="streaming"), strict=True)}
    detail = ", ".join(f"{count:,} {PLURALS.get(name, f'{name}s')}" for name, count in extra.items() if count)
    return {"alike_words": Measure(sum(extra.values()), detail)}
