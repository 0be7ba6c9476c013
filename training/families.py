"""Feature families of your own in a comparison: functions that a reference names, or an installed package offers.

A family takes the tables and an as-of date, and returns a frame with a row per customer_id. Its columns are joined to the
features of each past day, as of that day, for candidates of your own. Built-in candidates do not use them, and `train` does not
either, because scoring could not compute them: a family that proves its worth becomes one of `features/families/`.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from importlib.metadata import entry_points

import polars as pl

from features.frames.columns import CUSTOMER
from features.tables.schema import Tables
from models.errors import PluginError
from models.plugins import load_attribute
from models.snapshot import Snapshot

GROUP = "holdfast.families"
Family = Callable[[Tables, date], pl.DataFrame]


def configured_families(references: Sequence[str]) -> list[Family]:
    """Return the families of installed packages, by name of their entry point, and those that references name.

    Raises PluginError for a reference that cannot be loaded.
    """
    installed = [point.load() for point in sorted(entry_points(group=GROUP), key=lambda point: point.name)]
    return [*installed, *(load_attribute(reference, "feature family") for reference in references)]


def with_families(snapshot: Snapshot, tables: Tables, families: Sequence[Family]) -> Snapshot:
    """Return the snapshot with the columns of the families. Raises PluginError for a frame that does not fit."""
    frame = snapshot.frame
    for family in families:
        columns = family(tables, snapshot.as_of)
        _refuse_misfit(family, columns, frame)
        frame = frame.join(columns, on=CUSTOMER, how="left", maintain_order="left")
    return replace(snapshot, frame=frame)


def _refuse_misfit(family: Family, columns: pl.DataFrame, frame: pl.DataFrame) -> None:
    name = getattr(family, "__name__", "family")
    if CUSTOMER not in columns.columns:
        raise PluginError(f"The feature family {name} returned no column {CUSTOMER}.")
    if columns[CUSTOMER].n_unique() < columns.height:
        raise PluginError(f"The feature family {name} returned several rows for a customer; it should return one.")
    taken = sorted(set(columns.columns) & set(frame.columns) - {CUSTOMER})
    if taken:
        raise PluginError(f"The feature family {name} returned a column {taken[0]!r}, which the features have already.")
