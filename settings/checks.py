"""The section `[checks]`: thresholds, severities and custom rules, per table."""

import re
from datetime import date
from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

STRICT = ConfigDict(extra="forbid")

Severity = Literal["stop", "quarantine", "warn", "off"]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False, strict=True)]
Factor = Annotated[float, Field(gt=1, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, strict=True)]
Name = Annotated[str, Field(pattern=re.compile(r"^[a-z][a-z0-9_]{0,60}$"))]


@dataclass(frozen=True, config=STRICT)
class CustomRule:
    """A custom rule for rows: `broken` is a SQL condition over the columns of one row, true where the row breaks the rule.

    `sentence` completes "is set aside because ...". Severity warn counts such rows and keeps them in use.
    """

    name: Name
    broken: str
    sentence: str
    severity: Severity = "quarantine"


@dataclass(frozen=True, config=STRICT)
class CustomMeasure:
    """A custom check of a table: `measure` is a SQL aggregate over the rows in use, `low` and `high` are inclusive bounds."""

    name: Name
    measure: str
    sentence: str
    low: float | None = None
    high: float | None = None
    severity: Literal["stop", "warn", "off"] = "warn"


@dataclass(frozen=True, config=STRICT)
class TableChecks:
    """The checks of every table.

    `severity`, by name of rule or check, overrides the default. Relative checks need at least `least_rows` rows in use. A share
    with two bounds causes a warning above `max_...` and stops the table above `stop_...`. Rows of the newest `settling_days` of a
    load may still change in the next one.
    """

    severity: dict[str, Severity] = Field(default_factory=dict)
    rules: tuple[CustomRule, ...] = ()
    measures: tuple[CustomMeasure, ...] = ()
    least_rows: Count = 100
    earliest: date = date(1980, 1, 1)
    longest_id: Annotated[int, Field(gt=0, strict=True)] = 256
    largest_number: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1e12
    extreme_factor: Factor = 100.0
    max_quarantined_share: Share = 0.5
    max_doubled_share: Share = 0.4
    max_shrink: Share = 0.05
    max_growth: Factor = 2.0
    max_days_behind: Count = 90
    max_unknown_customers: Share = 0.05
    settling_days: Count = 14
    max_amount_factor: Factor = 1.5
    max_new_amount_factor: Factor = 20.0
    max_total_factor: Factor = 1.5
    max_gone_rows: Share = 0.02
    stop_gone_rows: Share = 0.2
    max_gone_customers: Share = 0.02
    stop_gone_customers: Share = 0.2
    max_lost_history: Share = 0.1
    max_shorter_history: Count = 14
    max_lost_links: Share = 0.1
    max_unlinked_new_rows: Share = 0.5


@dataclass(frozen=True, config=STRICT)
class TransactionChecks(TableChecks):
    """The checks of order lines, in addition to those of every table."""

    max_age_days: Count = 14
    max_missing_customers: Share = 0.05
    max_returns: Share = 0.3
    max_missing_days: Count = 0
    min_last_day: Share = 0.5
    max_jump: Factor = 4.0
    max_odd_products: Share = 0.0
    max_gone_orders: Share = 0.01
    stop_gone_orders: Share = 0.1
    max_restated_orders: Share = 0.02
    stop_restated_orders: Share = 0.2
    max_reassigned_orders: Share = 0.01
    stop_reassigned_orders: Share = 0.1
    min_returning_customers: Share = 0.1


@dataclass(frozen=True, config=STRICT)
class CustomerChecks(TableChecks):
    """The checks of the customers table: a customer may have joined long ago, so the earliest date is earlier."""

    earliest: date = date(1900, 1, 2)


@dataclass(frozen=True, config=STRICT)
class FrameChecks:
    """The checks of frames that Holdfast builds: features, training snapshots, scores, lists."""

    severity: dict[str, Literal["stop", "warn", "off"]] = Field(default_factory=dict)
    max_drift: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.25
    max_shrink: Share = 0.2


@dataclass(frozen=True, config=STRICT)
class ScoreChecks(FrameChecks):
    """The checks of a scoring run: also how far its means may move from the published run, as a difference and as a factor."""

    max_p_churn_jump: Share = 0.2
    max_value_jump: Factor = 2.0


@dataclass(frozen=True, config=STRICT)
class SnapshotChecks(FrameChecks):
    """The checks of training snapshots: also the share of customers who buy nothing in a window."""

    min_churn: Share = 0.01
    max_churn: Share = 0.99


@dataclass(frozen=True, config=STRICT)
class Checks:
    """One section per table, and one per frame that Holdfast builds."""

    transactions: TransactionChecks = TransactionChecks()
    complaints: TableChecks = TableChecks()
    surveys: TableChecks = TableChecks()
    contacts: TableChecks = TableChecks()
    customers: CustomerChecks = CustomerChecks()
    rates: TableChecks = TableChecks()
    aliases: TableChecks = TableChecks()
    features: FrameChecks = FrameChecks()
    snapshots: SnapshotChecks = SnapshotChecks()
    scores: ScoreChecks = ScoreChecks()
    lists: FrameChecks = FrameChecks()
