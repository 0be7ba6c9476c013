"""The units of randomisation of a run, and what issued lists say of the unit of one customer."""

from collections.abc import Sequence
from typing import Any

import polars as pl
import sqlalchemy as sa

from features.frames.columns import CUSTOMER
from serving.store.read import VALUES, in_values, read_frame, values_parameter, with_retry
from serving.store.runs import NoRunError, current_run
from serving.store.schema import LIST_ROWS, LISTS, UNIT_LINKS, score_table, unit_table
from serving.store.targets import NoTargetsError
from serving.targeting.units import NO_UNITS, UNIT_COLUMNS, unit_hash


def read_units(engine: sa.Engine, run_id: int) -> pl.DataFrame:
    """Return UNIT_COLUMNS of a run; empty for a run of an earlier Holdfast. Raises NoTargetsError for a run that was deleted."""
    table = unit_table(run_id)
    with engine.connect() as connection:
        inspector = sa.inspect(connection)
        if inspector.has_table(table.name):
            return read_frame(connection, sa.select(*(table.c[name] for name in UNIT_COLUMNS)), UNIT_COLUMNS)
        if not inspector.has_table(score_table(run_id).name):
            raise NoTargetsError("Newer scores were published in the meantime; repeat the command.")
    return NO_UNITS


def current_units(engine: sa.Engine) -> pl.DataFrame:
    """Return UNIT_COLUMNS of the current run; empty before the first run."""
    try:
        with engine.connect() as connection:
            run = current_run(connection)
    except NoRunError:
        return NO_UNITS
    return read_units(engine, run.run_id)


def unit_list_rows(engine: sa.Engine, run_id: int, customer_id: str, list_ids: Sequence[str], key: str) -> list[dict[str, Any]]:
    """Return the rows on these lists of the others in a customer's unit: list_id, kind, data_as_of, horizon_days, week and arm.

    As in the plan (`serving.targeting.units.match_units`), a row belongs to the unit that its customer is in now, and to those
    with a link of its own unit. `key` is that of `unit_key`.
    """
    rows, links = LIST_ROWS.c, UNIT_LINKS.c
    fields = (rows.list_id, LISTS.c.kind, LISTS.c.data_as_of, LISTS.c.horizon_days, rows.week, rows.arm)
    query = sa.select(*fields).join_from(LIST_ROWS, LISTS, LISTS.c.list_id == rows.list_id)
    others = query.where(rows.list_id.in_(list_ids), rows.customer_id.is_distinct_from(customer_id))
    linked = others.join(UNIT_LINKS, sa.and_(links.list_id == rows.list_id, links.rank == rows.rank))

    def read(connection: sa.Connection) -> list[dict[str, Any]]:
        members, hashes = _members(connection, run_id, customer_id, key)
        matches: list[dict[str, Any]] = []
        for matching, column, values in ((others, rows.customer_id, members), (linked, links.link, hashes)):
            statement = matching.where(in_values(connection.dialect.name, column))
            matches += map(dict, connection.execute(statement, {VALUES: values_parameter(connection, values)}).mappings())
        return matches

    return with_retry(engine, read)


def _members(connection: sa.Connection, run_id: int, customer_id: str, key: str) -> tuple[list[str], list[str]]:
    """Return the customers of a customer's unit, and the links of the unit: those of its members, and hashes of their ids."""
    table, members, links = unit_table(run_id), {customer_id}, set()
    if sa.inspect(connection).has_table(table.name):
        own = sa.select(table.c.unit).where(table.c.customer_id == customer_id).scalar_subquery()
        for row in connection.execute(sa.select(table.c.customer_id, table.c.links).where(table.c.unit == own)):
            members.add(row.customer_id)
            links.update(row.links.split(" "))
    hashes = pl.DataFrame({CUSTOMER: sorted(members)}).select(unit_hash(CUSTOMER, key)).to_series()
    return sorted(members), sorted(links.union(hashes))
