"""Which customers are known: so that a mistyped id is neither suppressed nor erased."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl
import sqlalchemy as sa

from features.frames.columns import CUSTOMER
from features.storage.hashing import hash_column
from serving.privacy.workspace_key import identity_key
from serving.store.known import all_store_ids, ids_in_store
from serving.store.withheld import find_withheld
from settings.errors import UserError
from settings.sections import Settings

FOLDERS = ("tables", "quarantine")
ID_COLUMNS = (CUSTOMER, "old_id", "new_id")  # the last two of merged customers
MAX_NEAR_IDS = 5
HASH = "hash"


class UnknownCustomerError(UserError):
    """No table, run, list or earlier objection has a customer with this id."""


def known_customers(settings: Settings, engine: sa.Engine, customer_ids: Sequence[str]) -> set[str]:
    """Return those of the ids that a table, a run or a list has, or that are suppressed or erased already."""
    known = ids_in_store(engine, customer_ids)
    rest = [customer_id for customer_id in customer_ids if customer_id not in known]
    if rest:
        known |= _withheld_before(settings, engine, rest)
        for ids in _table_ids(settings.workspace.path):
            known.update(ids.filter(pl.col(CUSTOMER).is_in(rest)).unique().collect(engine="streaming")[CUSTOMER])
    return known


def refuse_unknown(settings: Settings, engine: sa.Engine, customer_id: str, hint: str) -> None:
    """Raise UnknownCustomerError with `hint` unless the customer is known."""
    if customer_id not in known_customers(settings, engine, [customer_id]):
        raise UnknownCustomerError(f"No table, score or list has a customer with this id, so nothing was changed. {hint}")


def near_ids(settings: Settings, engine: sa.Engine, customer_id: str) -> list[str]:
    """Return known ids that differ from `customer_id` only in leading zeros, case, spaces or punctuation: some of them."""
    frames = [all_store_ids(engine).alias(CUSTOMER).to_frame().lazy(), *_table_ids(settings.workspace.path)]
    bare = _bare(pl.lit(customer_id))
    near = pl.concat(frames).unique().filter(_bare(pl.col(CUSTOMER)) == bare).sort(CUSTOMER).head(MAX_NEAR_IDS)
    return near.collect(engine="streaming")[CUSTOMER].to_list()


def _bare(text: pl.Expr) -> pl.Expr:
    return text.str.to_lowercase().str.replace_all(r"[\s\p{P}\p{Cf}]", "").str.strip_chars_start("0")


def _withheld_before(settings: Settings, engine: sa.Engine, customer_ids: Sequence[str]) -> set[str]:
    key = identity_key(settings.secret_path, engine)
    hashed = pl.DataFrame({CUSTOMER: customer_ids}).with_columns(hash_column(CUSTOMER, key).alias(HASH))
    with engine.connect() as connection:
        withheld = find_withheld(connection, hashed[HASH].to_list())
    return set(hashed.filter(pl.col(HASH).is_in(list(withheld)))[CUSTOMER])


def _table_ids(workspace: Path) -> Iterator[pl.LazyFrame]:
    """Yield the ids of every readable table; damaged files and machines without tables have none."""
    for path in sorted(path for folder in FOLDERS for path in (workspace / folder).glob("*.parquet")):
        try:
            rows = pl.scan_parquet(path, glob=False)
            for name in (name for name in ID_COLUMNS if rows.collect_schema().get(name) == pl.String):
                yield rows.select(pl.col(name).alias(CUSTOMER)).drop_nulls()
        except (OSError, pl.exceptions.PolarsError):
            continue
