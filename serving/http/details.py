"""Details of customers, such as names and e-mail addresses, for clients whose key has the scope details."""

from collections.abc import Sequence

import polars as pl

from serving.http.errors import ApiError
from serving.http.state import ServiceState
from serving.store.details import detail_names, join_details
from serving.store.keys import Client, Scope
from serving.store.runs import find_current_run, read_current_run


def visible_details(state: ServiceState, client: Client) -> list[str]:
    """Return the names of the details that a client may see, of those in the current run; none without the scope."""
    run = find_current_run(state.engine) if Scope.DETAILS in client.scopes else None
    return [] if run is None else detail_names(state.engine, run.run_id)


def requested_details(state: ServiceState, client: Client) -> list[str]:
    """Return the names of the details in the current run, as the client asked for them. Raises ApiError 403 without the scope."""
    if Scope.DETAILS not in client.scopes:
        raise ApiError(403, f"Details of customers need a key with the scope {Scope.DETAILS}.", "details", code="wrong_scope")
    return visible_details(state, client)


def add_details(state: ServiceState, rows: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Add details of the current run to rows by customer_id; null for customers without."""
    return join_details(state.engine, read_current_run(state.engine).run_id, rows, names) if names else rows
