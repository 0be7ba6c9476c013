"""The replies of the routes, as the OpenAPI document describes them."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from models.track_record import Standing
from serving.schemas.details import DETAIL_COLUMNS
from serving.schemas.list_filters import Arm
from serving.schemas.list_kind import ListKind
from serving.schemas.lists import LIST_COLUMNS
from serving.schemas.meanings import MEANINGS, WORDS
from serving.schemas.scores import SCORE_COLUMNS
from serving.targeting.evidence import Verdict

PYTHON_TYPES: dict[str, Any] = {"String": str, "Float64": float, "Int64": int, "UInt32": int, "Date": date, "Datetime": datetime}
REQUIRED_FIELDS = {"customer_id", "as_of", "scored_at", "model_version", "action"}


def _words(name: str) -> Any:  # noqa: ANN401  # a type, or None
    """Return the type of a column that holds one of a few words; None for any other column."""
    literal: Any = Literal  # a type checker knows only literals that are written out
    return literal[WORDS[name]] if name in WORDS else None


class Reason(BaseModel):
    """A reason for the risk, in words; weight in log-odds of churn, family null in runs of earlier versions."""

    text: str
    weight: float
    direction: Literal["raises", "lowers"]
    family: str | None = None


def _fields(columns: dict[str, Any], required: set[str]) -> dict[str, Any]:
    return {name: _field(name, dtype, is_required=name in required) for name, dtype in columns.items()}


def _field(name: str, dtype: Any, *, is_required: bool) -> tuple[Any, Any]:  # noqa: ANN401  # a type of Polars
    python_type = _words(name) or (list[Reason] if name == "reasons" else PYTHON_TYPES[type(dtype).__name__])
    description = MEANINGS.get(name)
    return (
        (python_type, Field(description=description))
        if is_required
        else (python_type | None, Field(None, description=description))
    )


Score = create_model(
    "Score",
    __doc__="One customer's score; docs/scores.md explains each field.",
    **_fields(SCORE_COLUMNS, REQUIRED_FIELDS),
    stale=(bool, ...),
)
RunScore = create_model(
    "RunScore",
    __doc__="One customer's score: all fields of Score, or those that were asked for.",
    **_fields(SCORE_COLUMNS, {"customer_id"}),
    stale=(bool, False),
)
ListRow = create_model(
    "ListRow",
    __doc__="One row of a list; with `details` those that the company maps.",
    **_fields(LIST_COLUMNS | DETAIL_COLUMNS, set(LIST_COLUMNS) - {"reason_1", "reason_2", "reason_3"}),
)


class ScoreReply(BaseModel):
    """Scores in the order of the request; ids without a score are listed as unknown or suppressed.

    `stale` is true if the as-of date of the run is more than `stale_after_days` ago.
    """

    as_of: date
    scored_at: datetime
    model_version: str
    horizon_days: int
    currency: str | None
    stale: bool
    scores: list[Score]
    unknown: list[str]
    suppressed: list[str]


class ListEvidence(BaseModel):
    """What the company's own trials say about the expected gain of a list, when it was issued.

    `verdict`: measured (the gain rests on a measured effect), supported, weakened or contradicted (an assumed effect against the
    95 % interval of a trial) or untested. `low` and `high` are the sums of the gain with either end of the measured effect, null
    without a trial. If `is_assumed`, do not state `expected_gain` as one exact figure: `sentence` says it with its range. Unless
    `is_promised`, do not state it at all: the forecasts were never tested, or cannot rank customers. Gains are counted over
    `horizon_days`.
    """

    verdict: Verdict
    expected_gain: float
    low: float | None
    high: float | None
    is_assumed: bool
    is_promised: bool
    sentence: str
    horizon_days: int


class ForecastRecord(BaseModel):
    """How well the champion of a list forecast churn on past days that it had not seen.

    `standing`: tested, weak evidence, never tested, or cannot rank. `auc` is the mean over `origins` days, on `rows` customer
    windows, with its 95 % interval; null without such a day.
    """

    standing: Standing
    sentence: str
    origins: int
    rows: int
    auc: float | None
    low: float | None
    high: float | None


class LiveReply(ScoreReply):
    """Live scores. `ignored` names the columns of the request that were not used, as `transactions.colour`."""

    ignored: list[str]


class ListHead(BaseModel):
    """A list as it was issued.

    Of several lists of a kind and week, the one that `counts` is taken as acted on. `withdrawn_at` is when its scores were
    withdrawn: such a list must not be acted on. `length_sentence` says why it is empty or holds nearly all customers; null for
    other lists. `track_record` is null for lists of earlier versions.
    """

    list_id: str
    kind: ListKind
    week: str
    run_id: int
    data_as_of: date
    model_version: str
    rows: int
    issued_at: datetime
    issued_by: str
    row_limit: int | None
    budget: float | None
    churn_sentence: str
    counts: bool
    withdrawn_at: datetime | None
    length_sentence: str | None = None
    evidence: ListEvidence | None = None
    track_record: ForecastRecord | None = None


class ListPage(BaseModel):
    """A page of a list. `arm` says whose rows these are; `next_cursor` leads to the next page, null on the last one."""

    list: ListHead
    arm: Arm
    rows: Sequence[ListRow]
    next_cursor: str | None


class IssuedReply(BaseModel):
    """The list of the week, and whether this request issued it."""

    list: ListHead
    is_new: bool


class ListIndex(BaseModel):
    """The issued lists, the newest first."""

    lists: list[ListHead]


class PastScore(BaseModel):
    """The customer's score in one of the kept runs."""

    as_of: date
    scored_at: datetime
    model_version: str
    status: str | None
    lifecycle_stage: str | None
    loyalty_segment: str | None
    p_churn: float | None
    churn_band: str | None
    expected_value: float | None
    action: str | None
    reasons: list[Reason] | None
    horizon_days: int
    currency: str | None


class CustomerReply(BaseModel):
    """A customer's score and history, oldest first; a customer who objected to marketing has neither."""

    customer_id: str
    suppressed: bool
    score: Score | None
    history: list[PastScore]


class RunReply(BaseModel):
    """The current run."""

    run_id: int
    as_of: date
    scored_at: datetime
    model_version: str
    horizon_days: int
    rows: int
    currency: str | None
    stale: bool


class RunScores(RunReply):
    """A page of a run. `changed_since` is the run that it was compared with; `next_cursor` leads to the next page."""

    changed_since: int | None
    scores: Sequence[RunScore]
    next_cursor: str | None


class SuppressionReply(BaseModel):
    """The customer is suppressed; `new` is false if the customer was so already."""

    customer_id: str
    suppressed: bool
    new: bool


class Suppression(BaseModel):
    """An objection: the customer's keyed hash, since when, who recorded it last, and the reason if one was given."""

    customer_hash: str
    since: datetime
    source: str | None
    reason: str | None


class SuppressionIndex(BaseModel):
    """The number of customers who object, and the newest objections."""

    count: int
    suppressions: list[Suppression]


class SuppressionState(BaseModel):
    """Whether a customer objects, and if so since when, who recorded it last, and why."""

    customer_id: str
    suppressed: bool
    since: datetime | None
    source: str | None
    reason: str | None


class LiftedReply(BaseModel):
    """The customer no longer objects."""

    customer_id: str
    suppressed: bool


class ErasureReply(BaseModel):
    """The erased rows per place, the rows of issued lists, and what could not be reached.

    `complete` says that no row is left in the store and the workspace. `unreached` names what is left there, `out_of_reach` what
    cannot be erased from here.
    """

    rows: dict[str, int]
    lists: int
    unreached: list[str]
    out_of_reach: list[str]
    complete: bool


class Health(BaseModel):
    """The state of the service."""

    model_config = ConfigDict(json_schema_extra={"example": {"status": "ready"}})

    status: str
