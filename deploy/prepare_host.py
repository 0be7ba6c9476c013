"""Create the folders and secrets that compose.yaml expects beside it, for the account that runs this. Safe to repeat.

Run: python3 deploy/prepare_host.py [FOLDER]

It needs nothing but Python. A secret that exists is kept. Compose mounts files with their owner and permissions as they are, so
the containers run as this account (HOLDFAST_USER in .env), and nobody else can read a secret or the workspace.
"""

import os
import secrets
import sys
from pathlib import Path

FOLDERS = ("company", "company/workspace", "artifacts", "backups", "secrets")
SECRETS = (
    "postgres_password",
    "store_owner_password",
    "store_service_password",
    "mlflow_database_password",
    "mlflow_admin_password",
    "mlflow_password",
    "mlflow_session_secret",
)
SECRET_BYTES = 24
USER_VARIABLE = "HOLDFAST_USER"


def prepare(root: Path) -> list[str]:
    """Create what is missing below `root`, and return a sentence on each thing that needs a hand."""
    os.umask(0o077)
    for name in FOLDERS:
        (root / name).mkdir(parents=True, exist_ok=True)
    for name in SECRETS:
        _create(root / "secrets" / name, f"{secrets.token_urlsafe(SECRET_BYTES)}\n")
    _create(root / ".env", f"{USER_VARIABLE}={os.geteuid()}:{os.getegid()}\n")
    paths = [root / ".env", *(root / name for name in FOLDERS), *(root / "secrets" / name for name in SECRETS)]
    return [problem for path in paths for problem in _problems(path)] + _problems_of_user(root / ".env")


def _create(path: Path, text: str) -> None:
    """Write a new file for its owner only; a file that exists is kept."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def _problems(path: Path) -> list[str]:
    state = path.stat()
    if state.st_uid != os.geteuid():
        return [f"{path} belongs to user {state.st_uid}: give it to this account with chown."]
    if path.parent.name == "secrets" and state.st_mode & 0o077:
        return [f"{path} can be read by other accounts: chmod 600 {path}."]
    return []


def _problems_of_user(env: Path) -> list[str]:
    values = [
        line.split("=", 1)[1] for line in env.read_text(encoding="utf-8").splitlines() if line.startswith(f"{USER_VARIABLE}=")
    ]
    expected = f"{os.geteuid()}:{os.getegid()}"
    return [] if values == [expected] else [f"{env} should have the line {USER_VARIABLE}={expected}."]


def main() -> None:
    """Prepare the folder of the argument, by default the one of compose.yaml; exit code 2 if something needs a hand."""
    root = Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).resolve().parents[1]
    if os.geteuid() == 0:
        problems = ["Run this as the account that shall own the company's data, not as root: the containers run as that account."]
    else:
        problems = prepare(root)
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    if problems:
        sys.exit(2)
    sys.stdout.write(f"Ready. Put holdfast.toml and the tables into {root / 'company'}.\n")


if __name__ == "__main__":
    main()
