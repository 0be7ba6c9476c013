"""Evaluate suites in Python during a module's tests, and confirm all findings in one run of Great Expectations at its end."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from expectations.check import CheckSuite, Finding, evaluate
from expectations.gx import run_checks


@pytest.fixture(scope="module", autouse=True)
def confirmed_by_great_expectations(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Great Expectations takes 0.1 seconds and more per suite; most suites of a module share checks and values."""
    findings: set[Finding] = set()

    def evaluate_suites(suites: Sequence[CheckSuite], workspace: Path, *, docs: bool = False) -> dict[str, list[Finding]]:
        if docs:
            return run_checks(suites, workspace, docs=True)
        return {suite.name: evaluate_suite(suite) for suite in suites}

    def evaluate_suite(suite: CheckSuite) -> list[Finding]:
        evaluated = evaluate(suite)
        findings.update(evaluated)
        return evaluated

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("expectations.validation.tables.run_checks", evaluate_suites)
        patch.setattr("expectations.validation.outputs.evaluate", evaluate_suite)
        yield
    suite = _merge(findings)
    [confirmed] = run_checks([suite], tmp_path_factory.mktemp("confirmed")).values()
    assert confirmed == evaluate(suite)


def _merge(findings: set[Finding]) -> CheckSuite:
    """Return one suite with each distinct pair of check and value once, under a name of its own."""
    pairs = dict.fromkeys((finding.check, replace(finding.measure, detail="")) for finding in findings)
    named = {f"{number}_{check.name}": (check, measure) for number, (check, measure) in enumerate(pairs)}
    checks = [replace(check, name=name) for name, (check, _) in named.items()]
    return CheckSuite("all_findings", checks, {name: measure for name, (_, measure) in named.items()})
