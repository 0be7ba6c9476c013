"""Run check suites in Great Expectations: suites, checkpoints and stored results over measures, never over rows."""

import contextlib
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ["GX_ANALYTICS_ENABLED"] = "false"  # read at import: nothing about a company's tables leaves the machine

import great_expectations as gx
import great_expectations.expectations as gxe
import pandas as pd
from great_expectations.checkpoint.checkpoint import CheckpointResult
from great_expectations.core.batch_definition import BatchDefinition
from great_expectations.core.expectation_validation_result import ExpectationValidationResult
from great_expectations.data_context import AbstractDataContext
from great_expectations.exceptions import DataContextError
from great_expectations.expectations.metadata_types import FailureSeverity

from expectations.check import Check, CheckSuite, Finding

Results = Sequence[ExpectationValidationResult]
NUMBER, VALUE, LOW, HIGH = "number", "value", "low", "high"  # the columns of the frame of all measures
IN_FULL = {"result_format": "COMPLETE", "unexpected_index_column_names": [NUMBER]}
SOURCE_NAME = "holdfast"
CHECK_NAME = "check"  # the key of a check's name in the metadata of its expectation
SEVERITIES = {"stop": FailureSeverity.CRITICAL, "quarantine": FailureSeverity.WARNING, "warn": FailureSeverity.INFO}


def run_checks(suites: Sequence[CheckSuite], workspace: Path, *, docs: bool = False) -> dict[str, list[Finding]]:
    """Run the active checks of each suite and return the findings by name of suite.

    With `docs`, Great Expectations stores suites, checkpoints and results in `gx/` in the workspace and writes its pages.
    Without, all checks are rows of one frame in memory and two expectations, which is ten times faster.
    """
    if not docs:
        return _validate_in_memory(suites)
    active = [suite for suite in suites if suite.active_checks]
    results = _run_checkpoints(_without_progress_bars(gx.get_context(mode="file", project_root_dir=workspace)), active)
    return {suite.name: _findings(suite, results.get(suite.name, [])) for suite in suites}


def run_suite(suite: CheckSuite) -> list[Finding]:
    """Run the active checks of one suite in memory, and return their findings."""
    return _validate_in_memory([suite])[suite.name]


def _validate_in_memory(suites: Sequence[CheckSuite]) -> dict[str, list[Finding]]:
    checks = [(suite, check) for suite in suites for check in suite.active_checks]
    failed = _failed_rows(_bounds_frame(checks)) if checks else set()
    findings: dict[str, list[Finding]] = {suite.name: [] for suite in suites}
    for number, (suite, check) in enumerate(checks):
        findings[suite.name].append(Finding(check, suite.measures[check.name], passed=number not in failed))
    return findings


def _bounds_frame(checks: Sequence[tuple[CheckSuite, Check]]) -> pd.DataFrame:
    """Return one row per check: its number, the measured value and the bounds, infinite where there is none."""
    cells = {
        NUMBER: range(len(checks)),
        VALUE: [float(suite.measures[check.name].value) for suite, check in checks],
        LOW: [-math.inf if check.low is None else float(check.low) for _, check in checks],
        HIGH: [math.inf if check.high is None else float(check.high) for _, check in checks],
    }
    return pd.DataFrame(cells)


def _failed_rows(frame: pd.DataFrame) -> set[int]:
    """Return the numbers of the rows whose value is NaN or beyond its bounds, as Great Expectations finds them."""
    context = _without_progress_bars(gx.get_context(mode="ephemeral"))
    source = context.data_sources.add_or_update_pandas(SOURCE_NAME)
    batch = source.add_dataframe_asset("measures").add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
    expectations = [
        gxe.ExpectColumnPairValuesAToBeGreaterThanB(column_A=high, column_B=low, or_equal=True, ignore_row_if="neither")
        for high, low in ((VALUE, LOW), (HIGH, VALUE))
    ]
    results = batch.validate(gx.ExpectationSuite(name="bounds", expectations=expectations), result_format=IN_FULL).results
    failed = [result for result in results if not result.success]
    return {int(row[NUMBER]) for result in failed for row in result.result["unexpected_index_list"]}


def _run_checkpoints(context: AbstractDataContext, suites: Sequence[CheckSuite]) -> dict[str, Results]:
    """Run a checkpoint per suite and then build the pages once; as an action of each, the index would be built each time."""
    runs = {suite.name: _run_checkpoint(context, suite).run_results for suite in suites}
    identifiers = [identifier for run in runs.values() for identifier in run]
    pages = [*identifiers, *(identifier.expectation_suite_identifier for identifier in identifiers)]
    if pages:
        context.build_data_docs(resource_identifiers=pages)  # type: ignore[arg-type]  # it takes both kinds together
    return {name: result.results for name, run in runs.items() for result in run.values()}


def _run_checkpoint(context: AbstractDataContext, suite: CheckSuite) -> CheckpointResult:
    definition = gx.ValidationDefinition(
        name=suite.name,
        data=_define_batch(context, suite),
        suite=_replace(context.suites, _build_suite(suite)),
    )
    checkpoint = gx.Checkpoint(
        name=suite.name,
        validation_definitions=[_replace(context.validation_definitions, definition)],
        result_format="BASIC",
    )
    stored = _replace(context.checkpoints, checkpoint)
    result: CheckpointResult = stored.run(batch_parameters={"dataframe": _measure_frame(suite)})
    return result


def _without_progress_bars(context: AbstractDataContext) -> AbstractDataContext:
    context.variables.progress_bars = {"globally": False}  # type: ignore[assignment]  # a plain mapping is what it holds
    return context


def _replace(factory: Any, item: Any) -> Any:  # noqa: ANN401  # suites, definitions and checkpoints share a shape, not a type
    """Replace the suite, definition or checkpoint of the same name; to compare old and new would take much longer."""
    with contextlib.suppress(DataContextError):
        factory.delete(item.name)
    return factory.add(item)


def _build_suite(suite: CheckSuite) -> gx.ExpectationSuite:
    return gx.ExpectationSuite(name=suite.name, expectations=[_build_expectation(check) for check in suite.active_checks])


def _measure_frame(suite: CheckSuite) -> pd.DataFrame:
    """Return one row with a column per active check."""
    return pd.DataFrame([{check.name: float(suite.measures[check.name].value) for check in suite.active_checks}])


def _build_expectation(check: Check) -> gxe.Expectation:
    return gxe.ExpectColumnMaxToBeBetween(
        column=check.name,
        min_value=check.low,
        max_value=check.high,
        severity=SEVERITIES[check.severity],
        description=check.sentence,
        meta={CHECK_NAME: check.name},
    )


def _findings(suite: CheckSuite, results: Results) -> list[Finding]:
    configured = [(result.expectation_config, bool(result.success)) for result in results]
    passed = {config.meta[CHECK_NAME]: success for config, success in configured if config and config.meta}
    return [Finding(check, suite.measures[check.name], passed=passed[check.name]) for check in suite.active_checks]


def _define_batch(context: AbstractDataContext, suite: CheckSuite) -> BatchDefinition[Any]:
    """Return the batch definition of a suite; add the data source and the asset if they are missing."""
    source = context.data_sources.add_or_update_pandas(SOURCE_NAME)
    return source.add_dataframe_asset(suite.name).add_batch_definition_whole_dataframe("counts")
