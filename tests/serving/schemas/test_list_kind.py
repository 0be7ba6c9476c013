import polars as pl
import pytest

from serving.schemas.list_kind import ListKind, list_id, list_name, list_name_of_id


def parse(text: str) -> str | None:
    name: str | None = pl.DataFrame({"id": [text]}).select(list_name_of_id(pl.col("id"))).item()
    return name


@pytest.mark.parametrize("kind", list(ListKind))
@pytest.mark.parametrize("version", [1, 2, 11])
def test_an_id_is_parsed_back_to_the_name_of_its_kind_and_week(kind: ListKind, version: int) -> None:
    assert parse(list_id(kind, "2026-W47", run_id=3, version=version)) == list_name(kind, "2026-W47") == f"{kind}-2026-W47"


def test_ids_have_the_form_that_stores_and_files_rely_on() -> None:
    assert list_id(ListKind.AT_RISK, "2026-W47", run_id=3) == "at_risk-2026-W47-run3"
    assert list_id(ListKind.AT_RISK, "2026-W47", run_id=3, version=2) == "at_risk-2026-W47-run3-2"


@pytest.mark.parametrize("text", ["newsletter", "at_risk-2026-W47", "nurture-2026-W47-run3", "my-at_risk-2026-W47-run3"])
def test_other_campaigns_are_no_list_ids(text: str) -> None:
    assert parse(text) is None
