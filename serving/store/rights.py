"""What the running service may do in PostgreSQL: read, issue lists, record objections and erase.

It may not publish, migrate, create keys, or change the audit or a score. The weekly job and the command line use the role that
owns the store.
"""

import sqlalchemy as sa

from serving.store.schema import (
    AUDIT,
    KEYS,
    LIST_ROWS,
    LISTS,
    META,
    REPORTS,
    RUNS,
    SESSIONS,
    UNIT_LINKS,
    VERSION_TABLE,
    WITHHELD,
    run_tables,
)

READ, ADD, CHANGE, DELETE = "select", "insert", "update", "delete"
SERVICE_RIGHTS: dict[str, tuple[str, ...]] = {
    VERSION_TABLE: (READ,),
    META.name: (READ, ADD),  # whoever uses a new store first names it, once
    RUNS.name: (READ,),
    REPORTS.name: (READ,),
    KEYS.name: (READ,),
    AUDIT.name: (READ, ADD),
    SESSIONS.name: (READ, ADD, CHANGE, DELETE),
    WITHHELD.name: (READ, ADD, CHANGE, DELETE),
    LISTS.name: (READ, ADD, CHANGE),
    LIST_ROWS.name: (READ, ADD, CHANGE),
    UNIT_LINKS.name: (READ, ADD, CHANGE, DELETE),
}
RUN_TABLE_RIGHTS = (READ, DELETE)  # of the tables of each run: to serve scores, and to erase a customer
MAINTAIN_SINCE = (17,)  # the version of PostgreSQL with the right to vacuum another role's table


def grant_service_rights(engine: sa.Engine, role: str) -> None:
    """Give a role exactly the rights of the service on all tables, and on the tables of later runs; safe to repeat.

    `engine` belongs to the role that owns the store, whose schema is up to date.
    """
    with engine.begin() as connection:
        vacuum = ("maintain",) if (connection.dialect.server_version_info or ()) >= MAINTAIN_SINCE else ()
        run_rights = (*RUN_TABLE_RIGHTS, *vacuum)
        quote = connection.dialect.identifier_preparer.quote
        grantee = quote(role)
        connection.exec_driver_sql(f"revoke all on all tables in schema public from {grantee}")
        for name, rights in _rights_of_tables(connection, run_rights).items():
            more = vacuum if name == LIST_ROWS.name else ()
            connection.exec_driver_sql(f"grant {', '.join((*rights, *more))} on {quote(name)} to {grantee}")
        connection.exec_driver_sql(f"grant usage on all sequences in schema public to {grantee}")
        defaults = "alter default privileges in schema public"
        connection.exec_driver_sql(f"{defaults} revoke all on tables from {grantee}")
        connection.exec_driver_sql(f"{defaults} grant {', '.join(run_rights)} on tables to {grantee}")


def _rights_of_tables(connection: sa.Connection, run_rights: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    existing = set(sa.inspect(connection).get_table_names())
    runs = connection.scalars(sa.select(RUNS.c.run_id)).all()
    rights = SERVICE_RIGHTS | {table.name: run_rights for run_id in runs for table in run_tables(run_id)}
    return {name: granted for name, granted in rights.items() if name in existing}


def may_vacuum(connection: sa.Connection, names: list[str]) -> bool:
    """Return whether this role may vacuum the tables: otherwise PostgreSQL skips them with no more than a warning."""
    new = (connection.dialect.server_version_info or ()) >= MAINTAIN_SINCE
    allowed = "has_table_privilege(oid, 'MAINTAIN')" if new else "pg_has_role(relowner, 'USAGE')"
    query = sa.text(f"select coalesce(bool_and({allowed}), true) from pg_class where oid = any(cast(:names as regclass[]))")  # noqa: S608  # fixed text
    return bool(connection.scalar(query, {"names": names}))
