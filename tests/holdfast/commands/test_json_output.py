"""`--json`: one JSON document on stdout, and nothing else."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from serving.schemas.lists import LIST_COLUMNS
from serving.store.engine import open_store

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A configuration without tables, whose store is empty."""
    (tmp_path / "holdfast.toml").write_text('[tables]\ntransactions = "orders.csv"\n')
    return tmp_path / "holdfast.toml"


@pytest.fixture
def json_of(holdfast: Run) -> Callable[..., Any]:
    """Run a command with --json; return the document that is its whole output."""

    def run(*arguments: object) -> Any:  # noqa: ANN401  # a JSON document
        code, output, error = holdfast(*arguments, "--json")
        assert code == 0, error
        return json.loads(output)

    return run


def test_keys_are_created_listed_and_revoked_as_json(shop: Path, json_of: Callable[..., Any]) -> None:
    created = json_of("keys", "create", "--client", "crm :heart: [b]", "--scope", "score,list", "--config", shop)
    assert set(created) == {"key", "key_id", "client", "scopes", "created_at", "expires_at", "revoked_at", "state"}
    assert created["key"].startswith(f"hf_{created['key_id']}_")
    (listed,) = json_of("keys", "list", "--config", shop)["keys"]
    assert listed == {name: value for name, value in created.items() if name != "key"}
    assert (listed["client"], listed["scopes"], listed["state"]) == ("crm :heart: [b]", ["list", "score"], "live")
    assert listed["expires_at"].endswith("Z")
    assert json_of("keys", "revoke", created["key_id"], "--config", shop)["state"] == "revoked"
    assert json_of("keys", "list", "--config", shop)["keys"][0]["revoked_at"] is not None


def test_an_objection_says_as_json_whether_it_is_new(shop: Path, json_of: Callable[..., Any]) -> None:
    first, second = (json_of("suppress", ":heart: 7", "--preemptive", "--config", shop) for _ in range(2))
    assert (first["customer_id"], first["suppressed"], first["new"], second["new"]) == (":heart: 7", True, True, False)


def test_runs_are_empty_before_the_first_one(shop: Path, json_of: Callable[..., Any]) -> None:
    open_store(f"sqlite:///{shop.parent / 'workspace' / 'scores.db'}").dispose()
    assert json_of("runs", "--config", shop) == {"runs": []}


def test_an_error_leaves_the_output_empty(shop: Path, holdfast: Run) -> None:
    code, output, error = holdfast("list", "--json", "--config", shop)
    assert (code, output) == (2, "")
    assert error.count("\n") == 1


def test_a_list_its_dry_run_and_an_erasure_are_json(workshop: Path, json_of: Callable[..., Any]) -> None:
    shown = json_of("list", "--kind", "win_back", "--limit", "3", "--dry-run", "--config", workshop)
    assert (shown["list_id"], shown["file"], len(shown["rows"]), shown["row_limit"]) == (None, None, 3, 3)
    issued = json_of("list", "--kind", "win_back", "--config", workshop)
    assert issued["list_id"] == issued["counting_list_id"]
    assert list(issued["rows"][0]) == list(LIST_COLUMNS)
    assert issued["summary"]["rows"] == len(issued["rows"])
    assert Path(issued["file"]).is_file()
    assert json_of("runs", "--config", workshop)["runs"][0]["state"] == "current"
    erased = json_of("forget", issued["rows"][0]["customer_id"], "--config", workshop)
    assert (erased["complete"], erased["lists"]) == (True, 1)


def test_outcomes_without_a_result_are_json_with_its_day(workshop: Path, json_of: Callable[..., Any], holdfast: Run) -> None:
    report = json_of("outcomes", "--config", workshop)
    assert set(report) == {"until", "currency", "outcomes", "first_result_on", "message"}
    assert report["outcomes"] == []
    code, output, _ = holdfast("outcomes", "--config", workshop)
    assert (code, output.strip()) == (0, report["message"])
    assert f"due on {report['first_result_on']}" in output
