"""`list`: the weekly list."""

from pathlib import Path
from typing import Annotated

import typer

from holdfast.commands.options import DEFAULT_CONFIG, Config, DespiteReason, OverrideReason
from holdfast.printing.console import CONSOLE
from serving.schemas.list_kind import ListKind

NAME = "list"
EXAMPLE = "list --kind at_risk --week 2026-W47 --budget 500 --out at_risk.csv"

Kind = Annotated[ListKind, typer.Option("--kind", help="Kind of list.")]
Week = Annotated[str | None, typer.Option("--week", help="ISO week, e.g. 2026-W47. Default: the week of the scores' as-of date.")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="Maximum number of customers.")]
Budget = Annotated[
    float | None, typer.Option("--budget", min=0, help="Maximum total cost of all actions. Default: as configured.")
]
Out = Annotated[
    Path | None, typer.Option("--out", help="CSV, XLSX or Parquet file to write. Default: a CSV file in lists/ in the workspace.")
]


def command(
    config: Config = DEFAULT_CONFIG,
    kind: Kind = ListKind.AT_RISK,
    week: Week = None,
    limit: Limit = None,
    budget: Budget = None,
    out: Out = None,
    override: OverrideReason = None,
    despite: DespiteReason = None,
) -> None:
    """Issue a weekly list from the current scores, ordered by expected gain, and write it to a file."""
    from expectations.validation.stopped import record_stopped_override, refuse_stopped_tables
    from holdfast.jobs.session import override_request
    from holdfast.printing.checks import warn
    from holdfast.printing.lists import print_changes, print_exclusions
    from holdfast.printing.tables import print_list
    from serving.lists.files import refuse_unknown_suffix, write_list
    from serving.lists.weekly import default_list_path, issue, make_list
    from serving.store.engine import open_store
    from serving.store.issued import effective_list
    from settings.clock import utc_now
    from settings.load import load_settings

    request = override_request(NAME, override, despite)
    if out is not None:
        refuse_unknown_suffix(out)
    settings = load_settings(config)
    now, store = utc_now(), open_store(settings.store_url)
    refuse_stopped_tables(settings, request)
    record_stopped_override(settings, now, request)
    weekly = make_list(settings, store, kind, week, limit, budget)
    before = effective_list(store, kind, weekly.week)
    issued, frame, warnings, _ = issue(settings, store, weekly, f"command {NAME}", now, request)
    warn("lists", warnings)
    path = out or default_list_path(settings, weekly, issued)
    write_list(frame, weekly.churn_sentence, path)
    CONSOLE.print(weekly.churn_sentence)
    print_list(CONSOLE, frame, settings.value.currency)
    print_exclusions(CONSOLE, weekly.summary["left_out"], settings)
    CONSOLE.print(
        f"Customers on the list: {frame.height:,}. Week {weekly.week}, data as of {weekly.run.as_of}, "
        f"issued as {issued.list_id}, file {path}"
    )
    print_changes(CONSOLE, weekly.summary["changes"], settings)
    after = effective_list(store, kind, weekly.week)
    if before and after and before.list_id != after.list_id:
        CONSOLE.print(f"It replaces {before.list_id} as the list of the week; that list is kept unchanged.")
