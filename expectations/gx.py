"""Great Expectations at every border: suites, checkpoints and stored results over measures, never over rows."""

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ["GX_ANALYTICS_ENABLED"] = "false"  # read at import: nothing about a company's tables leaves the machine

import great_expectations as gx
import great_expectations.expectations as gxe
import pandas as pd
from great_expectations.checkpoint import UpdateDataDocsAction
from great_expectations.core.batch_definition import BatchDefinition
from great_expectations.core.expectation_validation_result import ExpectationValidationResult
from great_expectations.data_context import AbstractDataContext
from great_expectations.exceptions import DataContextError
from great_expectations.expectations.metadata_types import FailureSeverity

from expectations.check import Check, CheckSuite, Finding

Results = Sequence[ExpectationValidationResult]
SOURCE_NAME = "holdfast"
NAME = "check"
SEVERITIES = {"stop": FailureSeverity.CRITICAL, "quarantine": FailureSeverity.WARNING, "warn": FailureSeverity.INFO}


def run_checks(borders: Sequence[CheckSuite], workspace: Path, *, docs: bool = False) -> dict[str, list[Finding]]:
    """Hold the measures of each border against its suite, and return how each check came out.

    Checks that are off, or that have nothing to look at, are left out. With `docs` suites, checkpoints and results are kept in
    `gx/` below the workspace, and the pages of these results written; without, they live in memory, which is several times
    quicker.
    """
    asked = [border for border in borders if border.asked]
    if docs:
        context = gx.get_context(mode="file", project_root_dir=workspace)
        results = {border.name: _at_checkpoint(_quiet(context), border) for border in asked}
    else:
        results = {border.name: _in_memory(border) for border in asked}
    return {border.name: _findings(border, results[border.name]) if border.name in results else [] for border in borders}


def _in_memory(border: CheckSuite) -> Results:
    batch = _batch(_quiet(gx.get_context(mode="ephemeral")), border).get_batch(batch_parameters={"dataframe": _values(border)})
    return batch.validate(_suite(border), result_format="BASIC").results


def _at_checkpoint(context: AbstractDataContext, border: CheckSuite) -> Results:
    suite = _renewed(context.suites, _suite(border))
    definition = gx.ValidationDefinition(name=border.name, data=_batch(context, border), suite=suite)
    checkpoint = gx.Checkpoint(
        name=border.name,
        validation_definitions=[_renewed(context.validation_definitions, definition)],
        actions=[UpdateDataDocsAction(name="data_docs")],
        result_format="BASIC",
    )
    [run] = _renewed(context.checkpoints, checkpoint).run(batch_parameters={"dataframe": _values(border)}).run_results.values()
    results: Results = run.results
    return results


def _quiet(context: AbstractDataContext) -> AbstractDataContext:
    context.variables.progress_bars = {"globally": False}  # type: ignore[assignment]  # a plain mapping is what it holds
    return context


def _renewed(factory: Any, thing: Any) -> Any:  # noqa: ANN401  # suites, definitions and checkpoints have one shape, no name
    """Put a suite, definition or checkpoint in the place of the one of its name; comparing the two would take much longer."""
    with contextlib.suppress(DataContextError):
        factory.delete(thing.name)
    return factory.add(thing)


def _suite(border: CheckSuite) -> gx.ExpectationSuite:
    return gx.ExpectationSuite(name=border.name, expectations=[_expectation(check) for check in border.asked])


def _values(border: CheckSuite) -> pd.DataFrame:
    return pd.DataFrame([{check.name: float(border.measures[check.name].value) for check in border.asked}])


def _expectation(check: Check) -> gxe.Expectation:
    return gxe.ExpectColumnMaxToBeBetween(
        column=check.name,
        min_value=check.low,
        max_value=check.high,
        severity=SEVERITIES[check.severity],
        description=check.sentence,
        meta={NAME: check.name},
    )


def _findings(border: CheckSuite, results: Results) -> list[Finding]:
    configured = [(each.expectation_config, bool(each.success)) for each in results]
    held = {config.meta[NAME]: success for config, success in configured if config and config.meta}
    return [Finding(check, border.measures[check.name], held[check.name]) for check in border.asked]


def _batch(context: AbstractDataContext, border: CheckSuite) -> BatchDefinition[Any]:
    """Return the batch definition of a border, making source, asset and batch where they are not there yet."""
    source = context.data_sources.add_or_update_pandas(SOURCE_NAME)
    return source.add_dataframe_asset(border.name).add_batch_definition_whole_dataframe("counts")
