"""`list`: the weekly list."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holdfast.commands.options import DEFAULT_CONFIG, Config, DespiteReason, OverrideReason
from holdfast.printing.console import CONSOLE
from serving.schemas.list_kind import ListKind

if TYPE_CHECKING:
    import polars as pl
    import sqlalchemy as sa

    from expectations.validation.stopped import OverrideRequest
    from serving.lists.weekly import WeeklyList
    from settings.sections import Settings

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
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the list and issue nothing. A file is written only with --out.")]


def command(
    config: Config = DEFAULT_CONFIG,
    kind: Kind = ListKind.AT_RISK,
    week: Week = None,
    limit: Limit = None,
    budget: Budget = None,
    out: Out = None,
    dry_run: DryRun = False,  # noqa: FBT002  # a flag of the command line
    override: OverrideReason = None,
    despite: DespiteReason = None,
) -> None:
    """Issue a weekly list from the current scores, ordered by expected gain, and write it to a file.

    Of several lists of a kind and week, the one issued last counts as acted on, except for those that --limit cuts short. To look
    at a list with other bounds, use --dry-run.
    """
    from expectations.validation.stopped import record_stopped_override, refuse_stopped_tables
    from holdfast.jobs.session import override_request
    from holdfast.jobs.store import StoreHandle
    from holdfast.printing.lists import print_changes, print_exclusions, print_losing
    from holdfast.printing.tables import print_list
    from serving.lists.files import refuse_unknown_suffix
    from serving.lists.weekly import make_list
    from settings.clock import utc_now
    from settings.load import load_settings

    request = override_request(NAME, override, despite)
    if out is not None:
        refuse_unknown_suffix(out)
    settings = load_settings(config)
    with StoreHandle(settings) as store:
        engine = store.open()
        refuse_stopped_tables(settings, request)
        record_stopped_override(settings, utc_now(), request)
        weekly = make_list(settings, engine, kind, week, limit, budget)
        rows, sentences = _show(engine, weekly, out) if dry_run else _issue(settings, engine, weekly, out, request)
        store.complete_erasures()
    CONSOLE.print(weekly.churn_sentence)
    print_list(CONSOLE, rows, settings.value.currency)
    print_exclusions(CONSOLE, weekly.summary["left_out"], settings)
    CONSOLE.print(f"Customers on the list: {rows.height:,}. Week {weekly.week}, data as of {weekly.run.as_of}, {sentences}")
    print_losing(CONSOLE, weekly.summary, settings)
    print_changes(CONSOLE, weekly.summary["changes"], settings)


def _issue(
    settings: "Settings", engine: "sa.Engine", weekly: "WeeklyList", out: Path | None, request: "OverrideRequest | None"
) -> "tuple[pl.DataFrame, str]":
    """Issue and write the list; return its rows, and as what it was issued, where it is, and which list counts."""
    from holdfast.printing.checks import warn
    from serving.lists.files import write_list
    from serving.lists.weekly import default_list_path, issue
    from serving.store.issued import counting_sentence, effective_list
    from settings.clock import utc_now

    before = effective_list(engine, weekly.kind, weekly.week)
    issued, rows, warnings, _ = issue(settings, engine, weekly, f"command {NAME}", utc_now(), request)
    warn("lists", warnings)
    path = out or default_list_path(settings, weekly, issued)
    write_list(rows, weekly.churn_sentence, path)
    effective = effective_list(engine, weekly.kind, weekly.week)
    sentences = f"issued as {issued.list_id}, file {path}\n{counting_sentence(issued, effective)}"
    if before and effective and before.list_id != effective.list_id:
        sentences += f" It replaces {before.list_id}, which is kept unchanged."
    return rows, sentences


def _show(engine: "sa.Engine", weekly: "WeeklyList", out: Path | None) -> "tuple[pl.DataFrame, str]":
    """Write the list only if a file was named; return its rows, and that nothing was issued and which list counts."""
    from serving.lists.files import write_list
    from serving.store.issued import effective_list

    if out is not None:
        write_list(weekly.frame, weekly.churn_sentence, out)
    effective = effective_list(engine, weekly.kind, weekly.week)
    counts = "no list was issued for the week yet" if effective is None else f"{effective.list_id} still counts"
    return weekly.frame, f"dry run: nothing was issued, and {counts}.{'' if out is None else f' File {out}'}"
