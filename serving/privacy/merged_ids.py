"""The ids that merged customers have or had, by the newest aliases on this machine."""

import polars as pl

from features.frames.aliases import ID, SURVIVOR, known_aliases, members, survivors
from features.storage.paths import good_path
from features.tables.schema import ALIASES
from settings.sections import Settings


def good_aliases(settings: Settings) -> pl.LazyFrame | None:
    """Return the aliases as the newest check left them; None if there are none on this machine."""
    path = good_path(settings.workspace.path, ALIASES.name)
    return pl.scan_parquet(path, glob=False) if settings.tables.aliases is not None and path.is_file() else None


def merged_members(settings: Settings) -> pl.DataFrame:
    """Return the ids of merged customers: `id`, and `survivor`, the one of them that survives; empty without aliases."""
    aliases = good_aliases(settings)
    if aliases is None:
        return pl.DataFrame(schema={ID: pl.String, SURVIVOR: pl.String})
    return members(survivors(known_aliases(aliases)))


def ids_of(settings: Settings, customer_id: str) -> list[str]:
    """Return the id and all others of the same customer; the given one comes first."""
    ids = with_merged_ids(settings, pl.Series([customer_id]))
    return [customer_id, *ids.filter(ids != customer_id).sort()]


def with_merged_ids(settings: Settings, ids: pl.Series) -> pl.Series:
    """Return the ids and all others of the same customers, each once."""
    merged = merged_members(settings)
    own = merged.filter(pl.col(ID).is_in(ids.implode()))[SURVIVOR].unique()
    others = merged.filter(pl.col(SURVIVOR).is_in(own.implode()))[ID]
    return pl.concat([ids.alias(ID), others]).unique(maintain_order=True)
