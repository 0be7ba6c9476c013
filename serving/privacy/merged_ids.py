"""The ids that merged customers have or had, by the newest aliases on this machine."""

import polars as pl

from features.frames.aliases import NEW, OLD, known_aliases, survivors
from features.storage.paths import good_path
from features.tables.schema import ALIASES
from settings.sections import Settings

ID, SURVIVOR = "id", "survivor"


def merged_members(settings: Settings) -> pl.DataFrame:
    """Return the ids of merged customers: `id`, and `survivor`, the one of them that survives; empty without aliases."""
    path = good_path(settings.workspace.path, ALIASES.name)
    if settings.tables.aliases is None or not path.is_file():
        return pl.DataFrame(schema={ID: pl.String, SURVIVOR: pl.String})
    old = survivors(known_aliases(pl.scan_parquet(path, glob=False))).select(pl.col(OLD).alias(ID), pl.col(NEW).alias(SURVIVOR))
    return pl.concat([old, old.select(pl.col(SURVIVOR).alias(ID), SURVIVOR).unique()])


def ids_of(settings: Settings, customer_id: str) -> list[str]:
    """Return the id and all others of the same customer; the given one comes first."""
    ids = with_merged_ids(settings, pl.Series([customer_id]))
    return [customer_id, *ids.filter(ids != customer_id).sort()]


def with_merged_ids(settings: Settings, ids: pl.Series) -> pl.Series:
    """Return the ids and all others of the same customers, each once."""
    members = merged_members(settings)
    own = members.filter(pl.col(ID).is_in(ids.implode()))[SURVIVOR].unique()
    others = members.filter(pl.col(SURVIVOR).is_in(own.implode()))[ID]
    return pl.concat([ids.alias(ID), others]).unique(maintain_order=True)
