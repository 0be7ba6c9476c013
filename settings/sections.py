"""The sections of `holdfast.toml` as frozen dataclasses; their defaults are the documented ones."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from settings.checks import Checks

STRICT = ConfigDict(extra="forbid")

Days = Annotated[int, Field(gt=0, le=36_500, strict=True)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False, strict=True)]
PositiveCount = Annotated[int, Field(gt=0, strict=True)]
Seconds = Annotated[float, Field(gt=0, le=25, allow_inf_nan=False)]
Money = Annotated[float, Field(ge=0, allow_inf_nan=False, strict=True)]


@dataclass(frozen=True, config=STRICT)
class Workspace:
    """Everything Holdfast writes lies below `path`."""

    path: Path = Path("workspace")


@dataclass(frozen=True, config=STRICT)
class SqlQuery:
    """A SQL query on a database URL, as SQLAlchemy writes it."""

    url: str
    query: str


Source = str | SqlQuery


@dataclass(frozen=True, config=STRICT)
class TableSources:
    """Where each input table comes from: a CSV or Parquet file, a glob, or `{url, query}`.

    None: the table is absent, and its features are null.
    """

    transactions: Annotated[str, Field(min_length=1)] | SqlQuery
    complaints: Source | None = None
    surveys: Source | None = None
    contacts: Source | None = None
    customers: Source | None = None


@dataclass(frozen=True, config=STRICT)
class ColumnMaps:
    """Per table: canonical column name -> source column, or SQL expression over source columns."""

    transactions: dict[str, str] = Field(default_factory=dict)
    complaints: dict[str, str] = Field(default_factory=dict)
    surveys: dict[str, str] = Field(default_factory=dict)
    contacts: dict[str, str] = Field(default_factory=dict)
    customers: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True, config=STRICT)
class Churn:
    """Churn window and activity window in days; `"auto"` takes them from the gaps between orders.

    `band_cuts`: p_churn below the first is low, from the second on high, between them medium.
    """

    horizon_days: Days | Literal["auto"] = 90
    active_days: Days | Literal["auto"] = 365
    band_cuts: tuple[Share, Share] = (0.3, 0.6)


@dataclass(frozen=True, config=STRICT)
class Value:
    """Lifetime value: horizon in days, margin as a share of net revenue, yearly discount rate."""

    horizon_days: Days = 365
    margin: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False, strict=True)] = 1.0
    annual_discount_rate: Annotated[float, Field(ge=0, le=10, allow_inf_nan=False, strict=True)] = 0.10
    currency: Annotated[str, Field(min_length=1, max_length=8)] = "EUR"


@dataclass(frozen=True, config=STRICT)
class Loyalty:
    """Which transactions column is the symbol of loyalty, and how many occasions a label needs."""

    unit: Literal["brand", "category", "product_id", "store", "channel"] = "brand"
    min_purchases: Annotated[int, Field(ge=2, strict=True)] = 4


RelationshipLevel = Literal["basic", "reactive", "accountable", "proactive", "partnership"]
Status = Literal["existing", "former"]


@dataclass(frozen=True, config=STRICT)
class Action:
    """Something that can be done for a customer. Actions of one kind compete; the best one is taken.

    `save_rate` is the assumed share of leaving customers that the action keeps: with `effect` share, of all alike; with odds, of
    those who leave as likely as not, and everybody's odds of staying rise by as much, so that few are kept of those who are as
    good as gone. `cost` is per customer in the currency of `[value]`. It is for customers of `statuses`, from the relationship
    level `level` on, and for `buyers`: those who bought once, more often, or all. `measured_by` is the name the contacts table
    has for it, by default its own. An action of kind nurture is for existing customers who are not at risk.
    """

    name: Annotated[str, Field(min_length=1)]
    kind: Literal["retention", "win_back", "recovery", "nurture"]
    cost: Money
    save_rate: Share
    effect: Literal["share", "odds"] = "share"
    channel: str = "email"
    owner: str = "marketing"
    statuses: tuple[Status, ...] = ("existing", "former")
    level: RelationshipLevel = "basic"
    buyers: Literal["all", "repeat", "one_time"] = "all"
    measured_by: str | None = None

    @property
    def contacts_name(self) -> str:
        """What the contacts table calls it."""
        return self.measured_by or self.name


DEFAULT_ACTIONS = (
    Action(name="retention", kind="retention", cost=5.0, save_rate=0.10),
    Action(name="win_back", kind="win_back", cost=5.0, save_rate=0.05),
    Action(name="recovery", kind="recovery", cost=15.0, save_rate=0.20, channel="phone", owner="service"),
)


@dataclass(frozen=True, config=STRICT)
class Caps:
    """How many customers a week's lists may hold together; those held out do not count.

    `week` in all, `owner` and `segment` by name of owner and loyalty segment, `one_time` of those who bought once.
    """

    week: PositiveCount | None = None
    one_time: PositiveCount | None = None
    owner: dict[str, PositiveCount] = Field(default_factory=dict)
    segment: dict[str, PositiveCount] = Field(default_factory=dict)


@dataclass(frozen=True, config=STRICT)
class Targeting:
    """Whom to act on, with what, and for how much in a week.

    `budget` is per list. Of each list `control_share` is held out, those of the global control included: the same
    `global_control_share` of all customers (at most `control_share`), whom no list ever treats. Who was contacted in the last
    `pause_days` is left out, and so is who was held out of a list in the last `hold_out_days` (None: the churn horizon).
    """

    at_risk_threshold: Share = 0.5
    budget: Money | None = None
    control_share: Annotated[float, Field(ge=0, lt=1, strict=True)] = 0.10
    global_control_share: Annotated[float, Field(ge=0, lt=1, strict=True)] = 0.02
    pause_days: Annotated[int, Field(ge=0, le=365, strict=True)] = 14
    control_hold_days: Days | None = None
    caps: Caps = Caps()
    actions: tuple[Action, ...] = DEFAULT_ACTIONS


@dataclass(frozen=True, config=STRICT)
class Tracking:
    """Where MLflow keeps runs and the model registry; None: `mlflow.db` in the workspace."""

    mlflow_uri: str | None = None


@dataclass(frozen=True, config=STRICT)
class Serving:
    """Where published scores live, for how long, and what the service lets through.

    `store` None: `scores.db` in the workspace; `secret_file` None: `control.key` in the workspace. Runs stay for `keep_weeks`
    weeks before the newest one; a run older than `stale_after_days` is told as stale. `development` asks for no key, on a
    loopback address only. Limits are per call, but `requests_per_minute`, which is per key and worker. `threads` work at once
    in a worker.
    """

    store: str | None = None
    secret_file: Path | None = None
    keep_weeks: PositiveCount = 13
    stale_after_days: PositiveCount = 8
    development: bool = False
    open_metrics: bool = False
    open_docs: bool = False
    threads: Annotated[int, Field(ge=1, le=64, strict=True)] = 4
    requests_per_minute: PositiveCount = 60_000
    max_body_bytes: PositiveCount = 4_000_000
    max_live_customers: PositiveCount = 100
    max_live_rows: PositiveCount = 20_000
    max_page_rows: PositiveCount = 1_000
    body_seconds: Seconds = 10.0
    request_seconds: Seconds = 20.0


@dataclass(frozen=True, config=STRICT)
class Settings:
    """One configuration: every section, every path already absolute."""

    tables: TableSources
    workspace: Workspace = Workspace()
    columns: ColumnMaps = ColumnMaps()
    checks: Checks = Checks()
    churn: Churn = Churn()
    value: Value = Value()
    loyalty: Loyalty = Loyalty()
    targeting: Targeting = Targeting()
    tracking: Tracking = Tracking()
    serving: Serving = Serving()

    @property
    def mlflow_uri(self) -> str:
        """Tracking URI, by default a SQLite file in the workspace."""
        return self.tracking.mlflow_uri or f"sqlite:///{self.workspace.path / 'mlflow.db'}"

    @property
    def store_url(self) -> str:
        """Database URL of the score store, by default a SQLite file in the workspace."""
        return self.serving.store or f"sqlite:///{self.workspace.path / 'scores.db'}"

    @property
    def secret_path(self) -> Path:
        """File of the key that draws controls and hashes ids, by default in the workspace."""
        return self.serving.secret_file or self.workspace.path / "control.key"
