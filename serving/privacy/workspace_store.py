"""Open the store of a workspace: the one it has used before, with its secret, and with every objection and erasure."""

from pathlib import Path

import sqlalchemy as sa

from expectations.history.loads import read_check_history
from serving.privacy.withheld_log import LIFTED, STORE, LogEntry, append_to_log, entry, read_log
from serving.privacy.workspace_key import refuse_missing_secret, workspace_secret
from serving.store.engine import open_store
from serving.store.identity import ensure_store_id, is_unused, read_store_id
from serving.store.objections import lift_objections_before
from serving.store.withheld import Withheld, withheld_reasons, withhold
from settings.clock import utc_now
from settings.errors import UserError
from settings.sections import Settings

DEFAULT_CONNECTIONS = 5


class StoreLostError(UserError):
    """The workspace has published to a store before, and the configured one is empty."""


def open_workspace_store(settings: Settings, connections: int = DEFAULT_CONNECTIONS) -> sa.Engine:
    """Return the engine of the store, migrated, checked against the workspace, and up to date with the log of objections.

    Raises StoreError, SecretMismatchError, or StoreLostError if the store was lost: with an empty one, customers who were held
    out would be treated.
    """
    engine = open_store(settings.store_url, connections)
    try:
        _reconcile(settings, engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


def record_use(settings: Settings, engine: sa.Engine) -> None:
    """Note beside the secret that the workspace has published to this store."""
    store_id = ensure_store_id(engine)
    if store_id not in {line.value for line in read_log(settings.withheld_log_path) if line.kind == STORE}:
        append_to_log(settings.withheld_log_path, [entry(STORE, store_id, utc_now())])


def _reconcile(settings: Settings, engine: sa.Engine) -> None:
    log = read_log(settings.withheld_log_path)
    if log:
        refuse_missing_secret(settings.secret_path)
    if is_unused(engine):
        _refuse_lost_store(settings, log, engine)
    else:
        record_use(settings, engine)
    workspace_secret(settings.secret_path, engine)
    _synchronise(settings.withheld_log_path, log, engine)


def _refuse_lost_store(settings: Settings, log: list[LogEntry], engine: sa.Engine) -> None:
    used_stores = {line.value for line in log if line.kind == STORE}
    issued_lists = any(load.table == "lists" for load in read_check_history(settings.workspace.path))
    if (used_stores or issued_lists) and read_store_id(engine) not in used_stores:
        raise StoreLostError(
            "This workspace has published scores or lists before, but its store is empty. Restore it with `restore FILE` from a "
            "`backup`, name the right store in [serving], or accept the loss with `restore --empty`."
        )


def _synchronise(path: Path, log: list[LogEntry], engine: sa.Engine) -> None:
    """Add to the store what only the log has, and to the log what only the store has."""
    logged: dict[str, str] = {}
    lifted: dict[str, str] = {}  # the time of each lifting that no later objection follows
    for line in sorted(log, key=lambda line: line.at):  # a restored backup appends older lines
        if line.kind == LIFTED and logged.get(line.value) != Withheld.ERASED:
            logged.pop(line.value, None)
            lifted[line.value] = line.at
        elif line.kind in set(Withheld) and logged.get(line.value) != Withheld.ERASED:
            logged[line.value] = line.kind
            lifted.pop(line.value, None)
    lift_objections_before(engine, lifted)
    stored, now = withheld_reasons(engine), utc_now()
    missing = {value: kind for value, kind in logged.items() if stored.get(value) not in {kind, Withheld.ERASED}}
    if missing:
        with engine.begin() as connection:
            for value, kind in missing.items():
                withhold(connection, value, Withheld(kind), now)
    unlogged = ((value, kind) for value, kind in stored.items() if logged.get(value) not in {kind, Withheld.ERASED})
    append_to_log(path, [entry(kind, value, now) for value, kind in unlogged])
