"""`keys`: manage the keys of the service's clients."""

from typing import TYPE_CHECKING, Annotated

import typer

from holdfast.commands.options import DEFAULT_CONFIG, Config
from holdfast.printing.console import CONSOLE
from holdfast.printing.json_output import Json, print_json

if TYPE_CHECKING:
    import sqlalchemy as sa

NAME = "keys"
SCOPES = "score, list, issue, details, admin"

APP = typer.Typer(name=NAME, no_args_is_help=True, help="Create, list and revoke the keys that clients use to call the service.")

ClientName = Annotated[str, typer.Option("--client", help="Name of the client; it appears in the logs and the audit.")]
Scopes = Annotated[
    str,
    typer.Option(
        "--scope",
        metavar="LIST",
        help=f"Scopes of the key, separated by commas: {SCOPES}. details: names and addresses of customers; "
        "admin: objections and erasure.",
    ),
]
Days = Annotated[int, typer.Option("--days", min=1, max=3_650, help="Days until the key expires.")]
KeyId = Annotated[str, typer.Argument(metavar="KEY_ID", help="Id of the key, from `keys list`.")]


def _example(text: str) -> str:
    return f"Example: holdfast keys {text}"


@APP.command("create", epilog=_example("create --client crm --scope score"))
def create(
    client: ClientName,
    scope: Scopes,
    days: Days = 365,
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,  # noqa: FBT002  # a flag of the command line
) -> None:
    """Create a key and print it once; only its hash is stored.

    A client may have two live keys, so that one can replace the other.
    """
    from holdfast.jobs.store import StoreHandle
    from serving.store.keys import Scope, create_key
    from settings.clock import utc_now
    from settings.load import load_settings

    scopes = [word.strip() for word in scope.split(",")]
    unknown = [word for word in scopes if word not in set(Scope)]
    if unknown:
        raise typer.BadParameter(f"the scopes are {SCOPES}, found {unknown[0]!r}", param_hint="--scope")
    with StoreHandle(load_settings(config)) as store:
        key = create_key(store.open(), client, [Scope(word) for word in scopes], days, utc_now())
        if as_json:
            print_json({"key": key} | _key_json(store.open(), key.split("_")[1]))
        else:
            CONSOLE.print(key)


@APP.command("list", epilog=_example("list"))
def list_(config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:  # noqa: FBT002  # a flag of the command line
    """Show all keys with their client, scopes, expiry and state."""
    from holdfast.jobs.store import StoreHandle
    from holdfast.printing.store import key_json, print_keys
    from serving.store.keys import list_keys
    from settings.clock import utc_now
    from settings.load import load_settings

    with StoreHandle(load_settings(config)) as store:
        keys = list_keys(store.open())
    if as_json:
        print_json({"keys": [key_json(key, utc_now()) for key in keys]})
    else:
        print_keys(CONSOLE, keys, utc_now())


@APP.command("revoke", epilog=_example("revoke 1a2b3c4d"))
def revoke(key_id: KeyId, config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:  # noqa: FBT002  # likewise
    """Revoke a key immediately."""
    from holdfast.jobs.store import StoreHandle
    from serving.store.keys import revoke_key
    from settings.clock import utc_now
    from settings.load import load_settings

    with StoreHandle(load_settings(config)) as store:
        revoke_key(store.open(), key_id, utc_now())
        if as_json:
            print_json(_key_json(store.open(), key_id))
        else:
            CONSOLE.print(f"Key {key_id} is revoked.")


def _key_json(engine: "sa.Engine", key_id: str) -> dict[str, object]:
    """Return one key of the store, ready for JSON."""
    from holdfast.printing.store import key_json
    from serving.store.keys import list_keys
    from settings.clock import utc_now

    return key_json(next(row for row in list_keys(engine) if row.key_id == key_id), utc_now())
