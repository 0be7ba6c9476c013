"""Great Expectations at every border: suites, checkpoints and stored results over measures, never over rows."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ["GX_ANALYTICS_ENABLED"] = "false"  # read at import: nothing about a company's tables leaves the machine

import great_expectations as gx
import great_expectations.expectations as gxe
import pandas as pd
from great_expectations.checkpoint import CheckpointResult, UpdateDataDocsAction
from great_expectations.core.batch_definition import BatchDefinition
from great_expectations.data_context import FileDataContext
from great_expectations.expectations.metadata_types import FailureSeverity

from expectations.checks import Border, Check, Finding

SOURCE_NAME = "holdfast"
NAME = "check"
SEVERITIES = {"stop": FailureSeverity.CRITICAL, "quarantine": FailureSeverity.WARNING, "warn": FailureSeverity.INFO}


def judge(borders: Sequence[Border], workspace: Path, *, docs: bool = False) -> dict[str, list[Finding]]:
    """Run one checkpoint per border over its measures, and return how each check came out.

    Suites and results are kept in `gx/` below the workspace; with `docs` the pages of these results are written too. Checks
    that are off, or that have nothing to look at, are left out.
    """
    context = gx.get_context(mode="file", project_root_dir=workspace)
    context.variables.progress_bars = {"globally": False}  # type: ignore[assignment]  # a plain mapping is what the file holds
    return {border.name: _judged(context, border, docs=docs) for border in borders}


def _judged(context: FileDataContext, border: Border, *, docs: bool) -> list[Finding]:
    if not border.asked:
        return []
    suite = gx.ExpectationSuite(name=border.name, expectations=[_expectation(check) for check in border.asked])
    definition = gx.ValidationDefinition(
        name=border.name, data=_batch(context, border.name), suite=context.suites.add_or_update(suite)
    )
    checkpoint = gx.Checkpoint(
        name=border.name,
        validation_definitions=[context.validation_definitions.add_or_update(definition)],
        actions=[UpdateDataDocsAction(name="data_docs")] if docs else [],
        result_format="BASIC",
    )
    values = pd.DataFrame([{check.name: float(border.measures[check.name].value) for check in border.asked}])
    return _findings(border, context.checkpoints.add_or_update(checkpoint).run(batch_parameters={"dataframe": values}))


def _expectation(check: Check) -> gxe.Expectation:
    return gxe.ExpectColumnMaxToBeBetween(
        column=check.name,
        min_value=check.low,
        max_value=check.high,
        severity=SEVERITIES[check.severity],
        description=check.sentence,
        meta={NAME: check.name},
    )


def _findings(border: Border, result: CheckpointResult) -> list[Finding]:
    [run] = result.run_results.values()
    configured = [(each.expectation_config, bool(each.success)) for each in run.results]
    held = {config.meta[NAME]: success for config, success in configured if config and config.meta}
    return [Finding(check, border.measures[check.name], held[check.name]) for check in border.asked]


def _batch(context: FileDataContext, name: str) -> BatchDefinition[Any]:
    """Return the batch definition of a border, making source, asset and batch where they are not there yet."""
    source = context.data_sources.add_or_update_pandas(SOURCE_NAME)
    return source.add_dataframe_asset(name).add_batch_definition_whole_dataframe("counts")
