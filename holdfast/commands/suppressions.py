"""`suppressions`: the register of objections to marketing."""

from pathlib import Path
from typing import Annotated

import typer

from holdfast.commands.options import DEFAULT_CONFIG, Config, Customer, Preemptive
from holdfast.printing.console import CONSOLE

NAME = "suppressions"
HASH_LENGTH = 12

APP = typer.Typer(name=NAME, no_args_is_help=True, help="Show, look up and import objections to marketing.")

Limit = Annotated[int, typer.Option("--limit", min=1, help="Maximum number of objections to show, the newest first.")]
File = Annotated[Path, typer.Argument(metavar="FILE", help="Text file with an id per line, or CSV file with a column of ids.")]
Column = Annotated[str | None, typer.Option("--column", help="Column of the ids. Default: customer_id if the file has it.")]
Reason = Annotated[str | None, typer.Option("--reason", help="Why, or where they come from; the audit records it.")]


def _example(text: str) -> str:
    return f"Example: holdfast suppressions {text}"


@APP.command("list", epilog=_example("list"))
def list_(limit: Limit = 20, config: Config = DEFAULT_CONFIG) -> None:
    """Show how many customers object, and since when, by whom recorded and why. Only keyed hashes of the ids are stored."""
    from holdfast.jobs.store import StoreHandle
    from serving.store.objections import count_objections, read_objections
    from settings.load import load_settings

    with StoreHandle(load_settings(config)) as store:
        engine = store.open()
        count, objections = count_objections(engine), read_objections(engine, limit)
    CONSOLE.print(f"Customers who object to marketing: {count:,}.")
    for objection in objections:
        reason = f": {objection.reason}" if objection.reason else ""
        source = objection.source or "an earlier Holdfast"
        CONSOLE.print(f"  {objection.customer_hash[:HASH_LENGTH]}  {objection.since:%Y-%m-%d %H:%M} UTC  {source}{reason}")


@APP.command("find", epilog=_example("find 00042"))
def find(customer_id: Customer, config: Config = DEFAULT_CONFIG) -> None:
    """Say whether one customer objects, since when, who recorded it and why."""
    from features.storage.hashing import hash_text
    from holdfast.jobs.store import StoreHandle
    from serving.privacy.workspace_key import identity_key
    from serving.store.objections import read_objections
    from settings.load import load_settings

    settings = load_settings(config)
    with StoreHandle(settings) as store:
        engine = store.open()
        customer_hash = hash_text(customer_id, identity_key(settings.secret_path, engine))
        found = next(iter(read_objections(engine, 1, customer_hash)), None)
    if found is None:
        CONSOLE.print("This customer does not object to marketing.")
    else:
        reason = f": {found.reason}" if found.reason else ""
        CONSOLE.print(f"This customer objects since {found.since:%Y-%m-%d %H:%M} UTC, recorded by {found.source}{reason}")


@APP.command("import", epilog=_example("import opt_outs.csv --column CustomerID"))
def import_(
    file: File,
    column: Column = None,
    reason: Reason = None,
    preemptive: Preemptive = False,  # noqa: FBT002  # a flag of the command line
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Record the objections of all customers in a file, all or none. Unknown ids are counted, and recorded with --preemptive."""
    from holdfast.jobs.id_files import read_ids
    from holdfast.jobs.store import StoreHandle
    from serving.privacy.objections import suppress_many
    from settings.clock import utc_now
    from settings.load import load_settings

    settings, ids = load_settings(config), read_ids(file, column)
    with StoreHandle(settings) as store:
        counts = suppress_many(settings, store.open(), ids, utc_now(), f"command {NAME} import", reason, preemptive=preemptive)
    CONSOLE.print(
        f"Read {counts.read:,}: {counts.new:,} new, {counts.already:,} recorded before, {counts.unknown:,} unknown, "
        f"{counts.repeated:,} repeated, {counts.empty:,} empty."
    )
    if counts.unknown:
        CONSOLE.print("Unknown ids were not recorded: no table, score or list has them. Check the file, or add --preemptive.")
