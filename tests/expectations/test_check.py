"""Evaluation without Great Expectations gives the findings of Great Expectations."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from expectations.check import Check, CheckSuite, Finding, Measure, evaluate, format_value
from expectations.gx import run_checks
from settings.checks import Severity

# Few distinct numbers, so that values often equal a bound; and any float, with infinities and NaN.
NUMBERS = st.sampled_from([-1, 0, 0.05, 0.1 + 0.2, 0.3, 1, 2**53 + 1]) | st.floats()
BOUNDS = st.none() | NUMBERS
SEVERITIES: list[Severity] = ["stop", "quarantine", "warn", "off"]
MEASURES = st.none() | NUMBERS.map(Measure)  # None: there is nothing to measure
CASES = st.tuples(BOUNDS, BOUNDS, st.sampled_from(SEVERITIES), MEASURES)
SUITES = st.lists(st.lists(CASES, max_size=40), max_size=3)


def build_suite(number: int, cases: list[tuple[float | None, float | None, Severity, Measure | None]]) -> CheckSuite:
    checks = [Check(f"check_{place}", "", low, high, severity) for place, (low, high, severity, _) in enumerate(cases)]
    measures = {check.name: case[3] for check, case in zip(checks, cases, strict=True)}
    return CheckSuite(f"suite_{number}", checks, {name: measure for name, measure in measures.items() if measure is not None})


@given(SUITES)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_evaluation_agrees_with_great_expectations(
    suites: list[list[tuple[float | None, float | None, Severity, Measure | None]]],
) -> None:
    built = [build_suite(number, cases) for number, cases in enumerate(suites)]
    with tempfile.TemporaryDirectory() as workspace:
        assert {suite.name: evaluate(suite) for suite in built} == run_checks(built, Path(workspace))


@pytest.mark.parametrize(
    ("low", "high", "value", "passed"),
    [
        (1, 2, 1, True),
        (1, 2, 2, True),
        (1, 2, 0.999, False),
        (1, 2, 2.001, False),
        (None, 0, -5, True),
        (0, None, 5, True),
        (None, None, 5, True),
        (None, None, float("nan"), False),
        (0, None, float("inf"), True),
    ],
)
def test_bounds_are_inclusive_and_nan_fails(low: float | None, high: float | None, value: float, *, passed: bool) -> None:
    check, measure = Check("rows", "Rows", low, high), Measure(value)
    assert evaluate(CheckSuite("orders", [check], {"rows": measure})) == [Finding(check, measure, passed=passed)]


def test_checks_that_are_off_or_have_no_measure_give_no_finding() -> None:
    checks = [Check("off", "Off", severity="off"), Check("unmeasured", "Unmeasured"), Check("rows", "Rows", low=1)]
    findings = evaluate(CheckSuite("orders", checks, {"off": Measure(1), "rows": Measure(3)}))
    assert findings == [Finding(checks[2], Measure(3), passed=True)]


def test_a_message_has_the_expectation_the_value_and_where_it_comes_from() -> None:
    check = Check("shrink", "At least 95% of the rows", low=0.95, is_share=True)
    assert (
        Finding(check, Measure(0.5, "5 after 10"), passed=False).message == "At least 95% of the rows; found 50.0% (5 after 10)."
    )
    assert Finding(check, Measure(0.5), passed=False).message == "At least 95% of the rows; found 50.0%."


@pytest.mark.parametrize(
    ("value", "text"),
    [(3, "3"), (3.0, "3"), (12_345.678, "12,346"), (0.12345, "0.123"), (float("inf"), "inf"), (float("nan"), "nan")],
)
def test_values_are_shown_whole_or_with_three_digits(value: float, text: str) -> None:
    assert format_value(Check("rows", "Rows"), value) == text
