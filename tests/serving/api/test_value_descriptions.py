"""The API's own description does not call an expected loss a part of the expected value."""

import pytest

from serving.api.responses import ListHead, ListRow, Score


@pytest.mark.parametrize("model", [Score, ListRow])
def test_the_fields_of_money_are_described_as_what_they_are(model: type[Score]) -> None:
    fields = model.model_json_schema()["properties"]
    assert "It is not a part of expected_value" in fields["value_at_risk"]["description"]
    assert "over the value horizon" in fields["expected_gain"]["description"]


def test_the_description_says_that_an_interval_of_value_can_exclude_its_mean() -> None:
    fields = Score.model_json_schema()["properties"]
    assert "can exclude expected_value" in fields["value_low"]["description"]
    assert "expected_value + value_at_risk" in fields["value_if_stays"]["description"]


def test_the_head_of_a_list_describes_its_evidence() -> None:
    schema = ListHead.model_json_schema()["$defs"]
    assert set(schema["Verdict"]["enum"]) == {"measured", "supported", "weakened", "contradicted", "untested"}
    assert {"verdict", "expected_gain", "low", "high", "sentence", "horizon_days"} <= set(schema["ListEvidence"]["required"])
