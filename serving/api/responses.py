"""What the routes answer with, as the OpenAPI document tells it."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, create_model

from serving.schemas.lists import LIST_COLUMNS
from serving.schemas.scores import SCORE_COLUMNS

PYTHON: dict[str, Any] = {"String": str, "Float64": float, "Int64": int, "UInt32": int, "Date": date, "Datetime": datetime}
ALWAYS = {"customer_id", "as_of", "scored_at", "model_version", "action"}


class Reason(BaseModel):
    """What moved the risk, in words; weight in log-odds of churn."""

    text: str
    weight: float
    direction: str


def _fields(columns: dict[str, Any], always: set[str]) -> dict[str, Any]:
    kinds = {name: list[Reason] if name == "reasons" else PYTHON[type(dtype).__name__] for name, dtype in columns.items()}
    return {name: (kind, ...) if name in always else (kind | None, None) for name, kind in kinds.items()}


Score = create_model(
    "Score",
    __doc__="One customer's score; docs/scores.md says what each field means.",
    **_fields(SCORE_COLUMNS, ALWAYS),
    stale=(bool, ...),
)
ListRow = create_model(
    "ListRow", __doc__="One row of a list.", **_fields(LIST_COLUMNS, set(LIST_COLUMNS) - {"reason_1", "reason_2", "reason_3"})
)


class ScoreReply(BaseModel):
    """Scores in the order of the request; ids without one are listed as unknown or suppressed.

    `stale` says that the run is older than the configuration calls fresh.
    """

    as_of: date
    scored_at: datetime
    model_version: str
    stale: bool
    scores: list[Score]
    unknown: list[str]
    suppressed: list[str]


class ListHead(BaseModel):
    """A list as it was issued."""

    list_id: str
    kind: str
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


class ListPage(BaseModel):
    """A page of a list. `next_cursor` asks for the rows behind these; null on the last page."""

    list: ListHead
    rows: Sequence[ListRow]
    next_cursor: str | None


class ListIndex(BaseModel):
    """The lists that were issued, the newest first."""

    lists: list[ListHead]


class PastScore(BaseModel):
    """What an earlier run said of the customer."""

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


class CustomerReply(BaseModel):
    """A customer's score and history, oldest first; of one who objected, that alone."""

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
    stale: bool


class SuppressionReply(BaseModel):
    """The customer is suppressed; `new` says whether that is new."""

    customer_id: str
    suppressed: bool
    new: bool


class ErasureReply(BaseModel):
    """What was erased: rows per place, rows of issued lists; and what is out of reach."""

    rows: dict[str, int]
    lists: int
    out_of_reach: list[str]


class Health(BaseModel):
    """It works."""

    model_config = ConfigDict(json_schema_extra={"example": {"status": "ready"}})

    status: str
