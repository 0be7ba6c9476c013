"""`list`: the weekly list."""

from pathlib import Path
from typing import Annotated

import typer

from holdfast.commands.options import DEFAULT_CONFIG, Config, DespiteReason
from holdfast.printing.console import CONSOLE
from serving.schemas.list_kind import ListKind

NAME = "list"
EXAMPLE = "list --kind at_risk --week 2026-W47 --budget 500 --out at_risk.csv"

Kind = Annotated[ListKind, typer.Option("--kind", help="Which list.")]
Week = Annotated[str | None, typer.Option("--week", help="ISO week, as 2026-W47. Default: the week of the scores' as-of date.")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="At most so many customers.")]
Budget = Annotated[
    float | None, typer.Option("--budget", min=0, help="Costs of all actions together stay within it. Default: as configured.")
]
Out = Annotated[Path | None, typer.Option("--out", help="CSV, XLSX or Parquet file. Default: lists/ in the workspace.")]


def command(
    config: Config = DEFAULT_CONFIG,
    kind: Kind = ListKind.AT_RISK,
    week: Week = None,
    limit: Limit = None,
    budget: Budget = None,
    out: Out = None,
    despite: DespiteReason = None,
) -> None:
    """Write the weekly list from the newest published scores, ordered by expected gain."""
    from expectations.validation.gate import refuse_stopped
    from expectations.validation.tables import utc_now
    from holdfast.jobs.session import output_checker, override_of
    from holdfast.printing.checks import warn
    from holdfast.printing.lists import print_changes, print_left_out
    from holdfast.printing.tables import print_list
    from serving.lists.files import refuse_ending, write_list
    from serving.lists.weekly import default_path, issue, make_list
    from serving.store.engine import open_store
    from serving.store.issued import counting_list
    from settings.load import load_settings

    if out is not None:
        refuse_ending(out)
    settings = load_settings(config)
    now, store = utc_now(), open_store(settings.store_url)
    refuse_stopped(settings, now, override_of(NAME, despite))
    weekly = make_list(settings, store, kind, week, limit, budget)
    output_checker(settings, warn)("lists", weekly.frame)
    former = counting_list(store, kind, weekly.week)
    issued, frame = issue(store, weekly, f"command {NAME}", now)
    path = out or default_path(settings, weekly, issued)
    write_list(frame, weekly.churn_sentence, path)
    CONSOLE.print(weekly.churn_sentence)
    print_list(CONSOLE, frame, settings.value.currency)
    print_left_out(CONSOLE, weekly.summary["left_out"], settings)
    CONSOLE.print(
        f"Customers on the list: {frame.height:,}. Week {weekly.week}, data as of {weekly.run.as_of}, "
        f"issued as {issued.list_id}, file {path}"
    )
    print_changes(CONSOLE, weekly.summary["changes"], settings)
    now_counts = counting_list(store, kind, weekly.week)
    if former and now_counts and former.list_id != now_counts.list_id:
        CONSOLE.print(f"It takes the place of {former.list_id} as the list of the week; that one stays as it was.")
