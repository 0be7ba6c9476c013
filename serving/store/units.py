"""The units of randomisation of a run, and what issued lists say of the unit of one customer."""

import polars as pl
import sqlalchemy as sa

from serving.store.read import read_frame
from serving.store.schema import target_table, unit_table
from serving.store.targets import NoTargetsError
from serving.targeting.units import NO_UNITS, UNIT_COLUMNS


def read_units(engine: sa.Engine, run_id: int) -> pl.DataFrame:
    """Return UNIT_COLUMNS of a run; empty for a run of an earlier Holdfast. Raises NoTargetsError for a run that was deleted."""
    table = unit_table(run_id)
    with engine.connect() as connection:
        inspector = sa.inspect(connection)
        if inspector.has_table(table.name):
            return read_frame(connection, sa.select(*(table.c[name] for name in UNIT_COLUMNS)), UNIT_COLUMNS)
        if not inspector.has_table(target_table(run_id).name):
            raise NoTargetsError("Newer scores were published in the meantime; repeat the command.")
    return NO_UNITS
