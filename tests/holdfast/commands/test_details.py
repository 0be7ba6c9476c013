"""Names and addresses of customers through the commands: in the files that ask for them only, and gone after an erasure."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

Run = Callable[..., tuple[int, str, str]]
PLANTED = "planted-address.example"


@pytest.fixture
def mapped(short_workshop: Path) -> Path:
    """The configuration of a shop whose customers table has an address of everyone, and another one that is not mapped."""
    source = short_workshop.parent / "data" / "customers.parquet"
    address = pl.format(f"{{}}@{PLANTED}", "customer_id")
    pl.read_parquet(source).with_columns(mail=address, phone=pl.format("unmapped-{}", "customer_id")).write_parquet(source)
    with short_workshop.open("a", encoding="utf-8") as config:
        config.write('\n[columns.customers]\nemail = "mail"\n')
    return short_workshop


def files_with(folder: Path, text: str) -> set[str]:
    files = (path for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes())
    return {path.relative_to(folder).parts[0] for path in files}


@pytest.mark.slow
def test_details_are_in_requested_files_only_and_erased_with_the_customer(mapped: Path, holdfast: Run, tmp_path: Path) -> None:
    workspace = mapped.parent / "workspace"
    code, output, _ = holdfast("run", "--config", mapped)
    assert code == 0, output
    assert PLANTED not in output
    assert files_with(workspace, PLANTED) <= {"scores.db", "tables"}
    assert files_with(workspace, "unmapped-") == set()
    lists = workspace / "lists"
    plain = next(file for file in lists.glob("*.csv") if pl.read_csv(file).height)
    code, output, _ = holdfast("run", "--details", "--config", mapped)
    assert (code, PLANTED in output) == (0, False)
    rows = pl.read_csv(plain, infer_schema=False)
    assert rows.select(pl.format(f"{{}}@{PLANTED}", "customer_id")).to_series().to_list() == rows["email"].to_list()
    customer = str(rows["customer_id"][0])
    kind = plain.name.partition("-")[0]
    code, output, _ = holdfast(
        "list", "--kind", kind, "--details", "--dry-run", "--out", tmp_path / "list.csv", "--config", mapped
    )
    assert (code, PLANTED in output) == (0, False)
    assert pl.read_csv(tmp_path / "list.csv")["email"].len() == rows.height
    assert holdfast("forget", customer, "--config", mapped)[0] == 0
    assert files_with(workspace, f"{customer}@{PLANTED}") == set()
