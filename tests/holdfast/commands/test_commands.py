import json
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pyarrow.dataset
import pytest
from polars.testing import assert_frame_equal

Run = Callable[..., tuple[int, str, str]]
HEADER = "customer_id,order_id,ordered_at,amount"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Four customers and a bad row, in a folder with a configuration."""
    rows = ["007,1,2025-01-01,5", "007,2,2025-02-01,5", "8,3,2025-01-15,0", "Zoë,4,2025-03-01,-2", "8,5,2925-01-01,5"]
    (tmp_path / "orders.csv").write_text("\n".join([HEADER, *rows]))
    (tmp_path / "holdfast.toml").write_text('[tables]\ntransactions = "orders.csv"\n')
    return tmp_path / "holdfast.toml"


@pytest.mark.parametrize(
    "command",
    [
        "demo",
        "inspect",
        "validate",
        "features",
        "diagnose",
        "train",
        "tune",
        "compare",
        "backtest",
        "promote",
        "rollback",
        "score",
        "list",
        "run",
        "outcomes",
        "serve",
        "suppress",
        "unsuppress",
        "reinstate",
        "forget",
    ],
)
def test_help_shows_an_example(holdfast: Run, command: str) -> None:
    code, output, _ = holdfast(command, "--help")
    assert code == 0
    assert f"Example: holdfast {command}" in output


def test_diagnose_prints_the_assumptions_and_writes_charts_and_figures(holdfast: Run, shop: Path) -> None:
    code, output, _ = holdfast("diagnose", "--config", shop, "--holdout-days", "14")
    assert code == 0
    assert "Order models of 2 customers, fitted on the log before 2025-02-16" in output
    assert "unknown   spend does not depend on frequency: Too little data: 1 repeat buyers, at least 30 needed." in output
    folder = shop.parent / "workspace" / "diagnosis" / "2025-03-02"
    assert (folder / "order_models.png").is_file()
    assert json.loads((folder / "order_models.json").read_text())["customers"] == 2
    code, _, error = holdfast("diagnose", "--config", shop, "--holdout-days", "50")
    assert (code, error.strip()) == (
        2,
        "No customer bought twice before 2025-01-11, 50 days before 2025-03-02: there is nothing to fit.",
    )


def test_validate_counts_every_row_and_writes_json_quarantine_and_docs(holdfast: Run, shop: Path) -> None:
    code, output, _ = holdfast("validate", "--config", shop, "--json", shop.parent / "new" / "report.json")
    assert code == 0
    entry = json.loads((shop.parent / "new" / "report.json").read_text())["tables"]["transactions"]
    assert (entry["read"], entry["used"], entry["quarantined"], entry["usable"]) == (5, 4, 1, True)
    assert entry["rules"] == {"future_ordered_at": 1}
    docs = output.split("Data docs:")[1].split()[0]
    assert Path(docs).is_file()


def test_validate_exits_with_1_for_an_unusable_table_and_says_why(holdfast: Run, shop: Path) -> None:
    (shop.parent / "orders.csv").write_text("customer_id,order_id\n1,2\n")
    code, _, error = holdfast("validate", "--config", shop)
    assert code == 1
    assert "Table transactions: the column ordered_at is missing; found customer_id, order_id." in error
    assert "[columns.transactions]" in error


def test_a_corrected_row_is_released(holdfast: Run, shop: Path) -> None:
    assert holdfast("validate", "--config", shop)[0] == 0
    rows = pl.read_parquet(shop.parent / "workspace" / "quarantine" / "transactions.parquet")
    rows.with_columns(ordered_at=pl.lit("2025-02-20")).write_csv(shop.parent / "fixed.csv")
    code, output, _ = holdfast(
        "validate", "--config", shop, "--release", shop.parent / "fixed.csv", "--json", shop.parent / "r.json"
    )
    assert code == 0
    assert "Released: 1 rows of transactions" in output
    entry = json.loads((shop.parent / "r.json").read_text())["tables"]["transactions"]
    assert (entry["read"], entry["used"], entry["quarantined"], entry["released"]) == (5, 5, 0, 1)
    code, _, error = holdfast("validate", "--config", shop, "--release", shop.parent / "none.csv")
    assert (code, "none.csv cannot be read" in error) == (2, True)


def test_freezing_is_confirmed(holdfast: Run, shop: Path) -> None:
    assert "are now the frozen reference" in holdfast("validate", "--config", shop, "--freeze")[1]


@pytest.mark.parametrize("option", ["--override", "--despite"])
def test_a_stopped_table_stops_scoring_unless_overridden_with_a_reason(holdfast: Run, shop: Path, option: str) -> None:
    good = [f"{number % 9},{number},2025-02-{1 + number % 28:02d},5" for number in range(100)]
    bad = [f",{number},2025-02-01,5" for number in range(150)]
    (shop.parent / "orders.csv").write_text("\n".join(["customer_id,order_id,ordered_at,amount", *good, *bad]) + "\n")
    code, _, error = holdfast("score", "--config", shop)
    assert code == 2
    assert "At most 50% of the rows are set aside; found 60.0% (" in error
    assert "--override" in error
    code, _, error = holdfast("list", "--config", shop)
    assert (code, "stopped the table transactions (quarantined_share)" in error) == (2, True)
    code, _, error = holdfast("score", "--config", shop, option, "half of the tills have no cards")
    assert (code, "champion" in error) == (2, True)
    [override] = (shop.parent / "workspace" / "checks" / "overrides.jsonl").read_text().splitlines()
    assert json.loads(override)["reason"] == "half of the tills have no cards"


@pytest.mark.parametrize("command", ["train", "score", "list", "run"])
def test_the_old_name_of_override_is_hidden_and_both_together_are_refused(holdfast: Run, shop: Path, command: str) -> None:
    code, output, _ = holdfast(command, "--help")
    assert (code, "--override" in output, "--despite" in output) == (0, True, False)
    code, _, error = holdfast(command, "--config", shop, "--override", "new", "--despite", "old")
    assert (code, error) == (2, "Give --override only: --despite is its old name.\n")


def test_an_order_from_the_far_future_does_not_move_the_as_of_date(holdfast: Run, shop: Path) -> None:
    out = shop.parent / "features.parquet"
    code, output, _ = holdfast("features", "--config", shop, "--as-of", "2025-03-02", "--out", out)
    assert code == 0
    assert "as of 2025-03-02" in output
    assert pl.read_parquet(out).select("customer_id", "orders").rows() == [("007", 2), ("8", 1), ("Zoë", 0)]


MISTAKES = [
    (["train"], "There is no configuration file at"),
    (["nonsense"], "No such command"),
    (["features", "--config", "{shop}"], "Missing option '--as-of'"),
    (["features", "--config", "{shop}", "--as-of", "soon"], "a date is written as 2026-11-22, found 'soon'"),
    (["features", "--config", "{shop}", "--as-of", "2999-01-01"], "is later than today"),
    (["features", "--config", "{shop}", "--as-of", "1999-01-01"], "No order was made before the as-of date 1999-01-01"),
    (["features", "--config", "{shop}", "--as-of", "2025-03-02", "--out", "x.csv"], "the file name must end in .parquet"),
    (["score", "--config", "{shop}"], "There is no champion yet; run `train` first."),
    (["list", "--config", "{shop}"], "No scores have been published yet; run `score` first."),
    (["promote", "--config", "{shop}"], "There is no challenger to promote"),
    (["list", "--config", "{shop}", "--kind", "foo"], "'foo' is not one of"),
    (["list", "--config", "{shop}", "--budget", "-1"], "greater than or equal to 0"),
    (["demo", "--dir", "{folder}"], "is not empty and was not created by the demo"),
    (["demo", "--customers", "0"], "greater than or equal to 1"),
]


@pytest.mark.parametrize(
    ("arguments", "sentence"), MISTAKES, ids=lambda value: "-".join(value)[:40] if isinstance(value, list) else ""
)
def test_a_mistake_is_one_sentence_on_stderr_and_exit_2(
    holdfast: Run, shop: Path, arguments: list[str], sentence: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    code, _, error = holdfast(*(argument.format(shop=shop, folder=shop.parent) for argument in arguments))
    assert code == 2
    assert sentence in error
    assert error.count("\n") == 1
    assert "Traceback" not in error
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("HOLDFAST__CHURN__HORIZON_DAYS=-5", "churn.horizon_days should be greater than 0, found -5"),
        ("HOLDFAST__TABLES__TRANSACTIONS=none.csv", "there is no file"),
        ("HOLDFAST__SERVING__STORE=nonsense", "The score store of [serving] cannot be opened"),
        ("HOLDFAST__WORKSPACE__PATH=orders.csv", "cannot be used"),
    ],
)
def test_an_impossible_setting_is_one_sentence_too(
    holdfast: Run, shop: Path, setting: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, _, value = setting.partition("=")
    monkeypatch.setenv(name, value)
    code, _, error = holdfast("list", "--config", shop) if "STORE" in name else holdfast("train", "--config", shop)
    assert (code, sentence in error, error.count("\n")) == (2, True, 1), error


def test_markup_in_the_data_is_text(holdfast: Run, shop: Path) -> None:
    (shop.parent / "orders.csv").write_text(f"{HEADER}\n[/red],1,2025-01-01,[/b]\n")
    code, _, error = holdfast("train", "--config", shop)
    assert (code, 'for example "[/b]"' in error) == (2, True)


def test_inspect_proposes_windows_with_the_evidence(demo: Path, holdfast: Run) -> None:
    code, output, _ = holdfast("inspect", "--config", demo / "holdfast.toml")
    assert code == 0
    assert "Proposed churn.horizon_days = " in output
    assert re.search(r"\(now 365\): of the customers silent for so long, \d+% came back later", output)
    assert re.search(r"Past windows to learn from and to test on: \d+ with this horizon, \d+ with the current one", output)
    assert "bought again" in output
    assert (demo / "workspace" / "inspect" / "gaps.png").read_bytes().startswith(b"\x89PNG")


def test_features_built_in_three_parts_equal_features_built_in_one(demo: Path, holdfast: Run, tmp_path: Path) -> None:
    for parts in ("1", "3"):
        arguments = ("--config", demo / "holdfast.toml", "--as-of", "2024-06-01", "--parts", parts)
        code, output, _ = holdfast("features", *arguments, "--out", tmp_path / f"{parts}.parquet")
        assert (code, "pairs of customer and category" in output) == (0, True)
    for name in ("parquet", "loyalty_by_category.parquet"):
        in_one_part, in_three_parts = (pl.read_parquet(tmp_path / f"{parts}.{name}").sort(pl.nth(0, 1)) for parts in ("1", "3"))
        assert_frame_equal(in_one_part, in_three_parts, check_exact=True)


def test_features_in_a_folder_are_a_data_set_with_a_partition_per_date(demo: Path, holdfast: Run, tmp_path: Path) -> None:
    days = ("2024-05-01", "2024-06-01")
    for day in (*days, days[0]):  # the first one again: it replaces itself
        for out in (f"{tmp_path}/lake/features/", f"{tmp_path}/{day}.parquet"):
            assert holdfast("features", "--config", demo / "holdfast.toml", "--as-of", day, "--out", out)[0] == 0
    single = pl.concat(pl.read_parquet(tmp_path / f"{day}.parquet") for day in days)
    place = tmp_path / "lake" / "features"
    assert [str(path.relative_to(place)) for path in sorted(place.rglob("*.parquet"))] == [
        f"as_of={day}/features.parquet" for day in days
    ]
    by_polars = pl.read_parquet(place, hive_partitioning=True)
    assert_frame_equal(by_polars.select(single.columns), single, check_exact=True)
    by_arrow = pyarrow.dataset.dataset(place, partitioning="hive").to_table(columns=["customer_id"])
    assert by_arrow.num_rows == single.height
    assert (tmp_path / "lake" / "features.dictionary.json").is_file()
    categories = tmp_path / "lake" / "features.loyalty_by_category"
    assert pl.read_parquet(categories)["as_of"].cast(pl.String).unique().sort().to_list() == list(days)


def test_the_demo_leaves_every_file_it_names(demo: Path) -> None:
    output = (demo.parent / "tour.txt").read_text()
    assert "Compared with the true probabilities of the simulation" in output
    assert "holdfast serve --config" in output
    for place in (
        "holdfast.toml",
        "workspace/champion/CURRENT",
        "workspace/scores.db",
        "workspace/mlflow.db",
        "simulated_truth.parquet",
    ):
        assert (demo / place).is_file(), place
    assert list((demo / "workspace" / "lists").glob("at_risk-*.csv"))


@pytest.mark.slow
def test_the_model_beats_the_recency_rule_on_the_simulated_shop(short_workshop: Path, holdfast: Run, tmp_path: Path) -> None:
    code, output, _ = holdfast("compare", "--config", short_workshop, "--json", tmp_path / "board.json")
    board = json.loads((tmp_path / "board.json").read_text())
    losses = {entry["candidate"]: entry["log_loss"] for entry in board["churn"]}
    assert (code, "backtest (" in output) == (0, False)  # that of the training is used again
    assert min(losses, key=lambda name: losses[name]) != board["churn_baseline"]
    assert board["value"][0]["candidate"] in {"hybrid", "bgnbd_gamma_gamma"}
    file = tmp_path / "past.csv"
    code, output, _ = holdfast("backtest", "--config", short_workshop, "--out", file)
    rows = pl.read_csv(file, schema_overrides={"customer_id": pl.String})
    assert (code, "backtest (" in output) == (0, False)
    assert f"Predictions of {rows.height:,} customer windows: {file}" in output.replace("\n", "")
    assert {"customer_id", "origin", "churned", "next_spend", "p:hybrid", "value:hybrid"} <= set(rows.columns)
    assert rows.select("customer_id", "origin").is_unique().all()


def test_past_predictions_go_to_a_table(holdfast: Run, shop: Path, tmp_path: Path) -> None:
    code, _, problem = holdfast("backtest", "--config", shop, "--out", tmp_path / "past.xlsx")
    assert (code, "the file name must end in .parquet or .csv; found" in problem) == (2, True)


@pytest.mark.slow
def test_identical_scores_are_published_once_and_an_older_date_does_not_become_current(
    workshop: Path, holdfast: Run, tmp_path: Path
) -> None:
    config = workshop
    code, output, _ = holdfast("score", "--config", config, "--out", tmp_path / "scores.parquet")
    assert (code, "Published as run 1. Identical scores were published before." in output) == (0, True)
    assert pl.read_parquet(tmp_path / "scores.parquet")["as_of"].n_unique() == 1
    code, _, error = holdfast("score", "--config", config, "--as-of", "2024-12-01")
    assert (code, "add --allow-hindsight" in error) == (2, True)
    code, output, _ = holdfast("score", "--config", config, "--as-of", "2024-12-01", "--allow-hindsight")
    assert (code, "is newer and stays current" in output) == (0, True)
    code, output, _ = holdfast("score", "--config", config, "--no-publish")
    assert (code, "Published" in output) == (0, False)
    with sqlite3.connect(config.parent / "workspace" / "scores.db") as store:
        assert store.execute("select count(*) from scoring_runs").fetchone() == (2,)
    store.close()
    code, output, _ = holdfast("list", "--config", config, "--out", tmp_path / "list.csv", "--limit", "2")
    assert (code, "Customers on the list: 2." in output) == (0, True)


def test_keys_are_shown_once_listed_and_revoked(workshop: Path, holdfast: Run) -> None:
    config = workshop
    code, key, _ = holdfast("keys", "create", "--client", "crm", "--scope", "score,list", "--config", config)
    key_id = key.split("_")[1]
    assert (code, key.startswith("hf_")) == (0, True)
    code, output, _ = holdfast("keys", "list", "--config", config)
    assert (code, key_id in output, "list,score" in output, "live" in output) == (0, True, True, True)
    assert key.split("_", 2)[2].strip() not in output
    assert holdfast("keys", "revoke", key_id, "--config", config)[:2] == (0, f"Key {key_id} is revoked.\n")
    assert "revoked" in holdfast("keys", "list", "--config", config)[1]
    code, _, error = holdfast("keys", "revoke", "nothing", "--config", config)
    assert (code, error) == (2, "There is no key 'nothing'; `keys list` shows all keys.\n")
    code, _, error = holdfast("keys", "create", "--client", "crm", "--scope", "everything", "--config", config)
    assert (code, "the scopes are score, list, issue, details, admin, found 'everything'" in error) == (2, True)
