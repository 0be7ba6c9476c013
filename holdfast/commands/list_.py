"""`list`: the weekly list."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from holdfast.commands.options import DEFAULT_CONFIG, Config, DespiteReason, OverrideReason
from holdfast.printing.console import CONSOLE
from holdfast.printing.json_output import Json, json_rows, print_json, utc_text
from serving.schemas.list_filters import Arm
from serving.schemas.list_kind import ListKind

if TYPE_CHECKING:
    import polars as pl
    import sqlalchemy as sa

    from expectations.validation.stopped import OverrideRequest
    from serving.lists.weekly import WeeklyList
    from serving.store.lists.issued import IssuedList
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
Replaces = Annotated[
    str | None, typer.Option("--replaces", metavar="LIST_ID", help="Replace this list, although it was read or downloaded.")
]
ListArm = Annotated[Arm, typer.Option("--arm", help="Rows of the file: the customers to act on, those held out, or all.")]
Spreadsheet = Annotated[
    bool, typer.Option("--spreadsheet", help="CSV for people: an apostrophe before texts that look like formulas.")
]
Details = Annotated[
    bool,
    typer.Option("--details", help="Add names, e-mail addresses and the like to the file, as [columns.customers] maps them."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the list and issue nothing. A file is written only with --out.")]


@dataclass(frozen=True)
class _ListFile:
    """The file to write.

    Its path (None: the default), whose rows it has, whether a CSV file is for a spreadsheet, and whether it has the details of
    customers.
    """

    out: Path | None
    arm: Arm
    spreadsheet: bool
    details: bool

    def write(self, settings: "Settings", engine: "sa.Engine", weekly: "WeeklyList", frame: "pl.DataFrame", path: Path) -> None:
        """Write the rows of the arm."""
        from serving.lists.files import write_list
        from serving.store.details import detail_names, join_details

        run_id = weekly.run.run_id
        names = detail_names(engine, run_id) if self.details else []
        of_arm = frame if self.arm is Arm.ALL else frame.filter(arm=self.arm.value)
        rows = join_details(engine, run_id, weekly.as_written(of_arm), names)
        write_list(rows, weekly.head_sentence, path, settings.value.currency, spreadsheet=self.spreadsheet)


def command(
    config: Config = DEFAULT_CONFIG,
    kind: Kind = ListKind.AT_RISK,
    week: Week = None,
    limit: Limit = None,
    budget: Budget = None,
    out: Out = None,
    dry_run: DryRun = False,  # noqa: FBT002  # a flag of the command line
    replaces: Replaces = None,
    arm: ListArm = Arm.ALL,
    spreadsheet: Spreadsheet = False,  # noqa: FBT002  # likewise
    details: Details = False,  # noqa: FBT002  # likewise
    override: OverrideReason = None,
    despite: DespiteReason = None,
    as_json: Json = False,  # noqa: FBT002  # likewise
) -> None:
    """Issue a weekly list from the current scores, ordered by expected gain, and write it to a file.

    Of several lists of a kind and week, the one issued last counts as acted on, except for those that --limit cuts short. To look
    at a list with other bounds, use --dry-run. A list that was read or downloaded is replaced only with --replaces; `reinstate`
    undoes that.
    """
    from expectations.validation.stopped import record_stopped_override, refuse_stopped_tables
    from holdfast.jobs.session import override_request
    from holdfast.jobs.store import StoreHandle
    from holdfast.printing.lists import print_changes, print_evidence, print_exclusions, print_length, print_losing
    from holdfast.printing.tables import print_list
    from serving.lists.files import refuse_unknown_suffix
    from serving.lists.issuing import refuse_no_contacts
    from serving.lists.replacement import refuse_replacement
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
        if not dry_run:
            refuse_no_contacts(weekly)
            refuse_replacement(engine, weekly, replaces, "Confirm with --replaces {list_id}, or look at the list with --dry-run.")
        file = _ListFile(out, arm, spreadsheet, details)
        rows, sentences, facts = (
            _show(settings, engine, weekly, file) if dry_run else _issue(settings, engine, weekly, file, request)
        )
        store.complete_erasures()
    if as_json:
        print_json(_weekly_fields(weekly) | facts | {"currency": settings.value.currency, "rows": json_rows(rows)})
        return
    CONSOLE.print(weekly.churn_sentence)
    print_list(CONSOLE, rows, settings.value.currency, is_assumed=weekly.summary["evidence"]["is_assumed"])
    print_evidence(CONSOLE, weekly.summary)
    print_exclusions(CONSOLE, weekly.summary["left_out"], settings)
    CONSOLE.print(f"Customers on the list: {rows.height:,}. Week {weekly.week}, data as of {weekly.run.as_of}, {sentences}")
    print_length(CONSOLE, weekly.summary)
    print_losing(CONSOLE, weekly.summary, settings)
    print_changes(CONSOLE, weekly.summary["changes"], settings)


def _issue(
    settings: "Settings", engine: "sa.Engine", weekly: "WeeklyList", file: "_ListFile", request: "OverrideRequest | None"
) -> "tuple[pl.DataFrame, str, dict[str, Any]]":
    """Issue and write the list; return its rows, as what it was issued and which list counts, in words and as data."""
    from holdfast.printing.checks import warn
    from serving.lists.issuing import default_list_path, issue
    from serving.store.lists.precedence import counting_sentence, effective_list
    from settings.clock import utc_now

    before = effective_list(engine, weekly.kind, weekly.week)
    issued, rows, warnings, _ = issue(settings, engine, weekly, f"command {NAME}", utc_now(), request)
    warn("lists", warnings)
    path = file.out or default_list_path(settings, weekly, issued)
    file.write(settings, engine, weekly, rows, path)
    effective = effective_list(engine, weekly.kind, weekly.week)
    sentences = f"issued as {issued.list_id}, file {path}\n{counting_sentence(issued, effective)}"
    replaced = before.list_id if before and effective and before.list_id != effective.list_id else None
    sentences += f" It replaces {replaced}, which is kept unchanged." if replaced else ""
    return rows, sentences, _facts(issued, effective, path) | {"replaces": replaced}


def _show(
    settings: "Settings", engine: "sa.Engine", weekly: "WeeklyList", file: "_ListFile"
) -> "tuple[pl.DataFrame, str, dict[str, Any]]":
    """Write the list only if a file was named; return its rows, and which list counts, in words and as data."""
    from serving.store.lists.precedence import effective_list

    if file.out is not None:
        file.write(settings, engine, weekly, weekly.frame, file.out)
    effective = effective_list(engine, weekly.kind, weekly.week)
    counts = "no list was issued for the week yet" if effective is None else f"{effective.list_id} still counts"
    sentences = f"dry run: nothing was issued, and {counts}.{'' if file.out is None else f' File {file.out}'}"
    return weekly.frame, sentences, _facts(None, effective, file.out) | {"replaces": None}


def _facts(issued: "IssuedList | None", effective: "IssuedList | None", path: Path | None) -> dict[str, Any]:
    """Return as what a list was issued, if it was, which list counts in its week, and its file."""
    return {
        "list_id": issued and issued.list_id,
        "issued_at": issued and utc_text(issued.issued_at),
        "issued_by": issued and issued.issued_by,
        "counting_list_id": effective and effective.list_id,
        "file": path and str(path),
    }


def _weekly_fields(weekly: "WeeklyList") -> dict[str, Any]:
    """Return what a list rests on and its figures, ready for JSON; the curve of other budgets is left out."""
    summary = {name: figure for name, figure in weekly.summary.items() if name != "curve"}
    run = {"run_id": weekly.run.run_id, "data_as_of": weekly.run.as_of, "model_version": weekly.run.model_version}
    bounds = {"row_limit": weekly.row_limit, "budget": weekly.budget}
    return {"kind": weekly.kind, "week": weekly.week, "churn_sentence": weekly.churn_sentence, "summary": summary} | run | bounds
