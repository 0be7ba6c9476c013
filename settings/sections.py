"""The sections of `holdfast.toml` as frozen dataclasses; their defaults are the documented ones."""

import codecs
import os
from datetime import date
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag
from pydantic.dataclasses import dataclass

from settings.checks import STRICT, Checks, Share

Days = Annotated[int, Field(gt=0, le=36_500, strict=True)]
PositiveCount = Annotated[int, Field(gt=0, strict=True)]
Seconds = Annotated[float, Field(gt=0, le=25, allow_inf_nan=False)]
Money = Annotated[float, Field(ge=0, allow_inf_nan=False, strict=True)]


def known_encoding(name: str) -> str:
    """Return the name of a text encoding. Raises ValueError for one that Python does not know."""
    try:
        codecs.lookup(name)
    except LookupError:
        raise ValueError(f"an encoding such as cp1252 or utf-8, found {name!r}") from None
    return name


def known_time_zone(name: str) -> str:
    """Return the name of a time zone. Raises ValueError for one that the IANA database does not have."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"a time zone such as Europe/Berlin or America/Los_Angeles, found {name!r}") from None
    return name


def same_names(columns: object) -> object:
    """Return columns as a mapping; a list, or one name, maps each column to one of the same name."""
    names = [columns] if isinstance(columns, str) else columns
    return {name: name for name in names} if isinstance(names, list | tuple) else names


@dataclass(frozen=True, config=STRICT)
class Workspace:
    """The folder `path` holds everything that Holdfast writes, for its owner only, or with `group_access` also for the group.

    Days, weeks and as-of dates are those of `time_zone`.
    """

    path: Path = Path("workspace")
    group_access: bool = False
    time_zone: Annotated[str, AfterValidator(known_time_zone)] = "UTC"


@dataclass(frozen=True, config=STRICT)
class SqlQuery:
    """A SQL query on a database URL in SQLAlchemy's form.

    `password_file` holds the password that the URL lacks. `normalise`, `key`, `where` and `fill_down` are as in FileSource.
    """

    url: str
    query: str
    password_file: Path | None = None
    normalise: bool = False
    key: tuple[str, ...] = ()
    where: Annotated[str, Field(min_length=1)] | None = None
    fill_down: tuple[str, ...] = ()


@dataclass(frozen=True, config=STRICT)
class JoinedFile:
    """A file, or a glob, whose columns are added to the rows of another one that have the same cells in the columns `on`.

    `on` maps columns of the other file to columns of this one; as a list, both have the same names. `encoding`, `skip_lines` and
    `sheet` are as in FileSource.
    """

    file: Annotated[str, Field(min_length=1)]
    on: Annotated[dict[str, str], BeforeValidator(same_names), Field(min_length=1)]
    encoding: Annotated[str, AfterValidator(known_encoding)] = "utf-8"
    skip_lines: Annotated[int, Field(ge=0, le=1_000, strict=True)] = 0
    sheet: Annotated[str, Field(min_length=1)] | None = None


@dataclass(frozen=True, config=STRICT)
class FileSource:
    """A file, glob or folder of a data set, here or in an object store, and how it is written.

    `encoding` is a name that Python knows, such as cp1252. `skip_lines` is the number of lines before the header. With
    `normalise`, brands, categories and the like that differ only in case or spaces are one word, in lower case. Of rows with
    the same values in the columns of `key`, those with the newest `ingested_at` count, else those of the file that sorts last.

    `sheet` names the sheet of a workbook, or is a pattern such as "Year *" for several; a single sheet needs no name. `join` adds
    columns of other files. `where` is a SQL condition on the columns of the source, joined ones too: other rows are set aside.
    Empty cells of the source's columns `fill_down` are those of the line above of the same order.
    """

    file: Annotated[str, Field(min_length=1)]
    encoding: Annotated[str, AfterValidator(known_encoding)] = "utf-8"
    skip_lines: Annotated[int, Field(ge=0, le=1_000, strict=True)] = 0
    normalise: bool = False
    key: tuple[str, ...] = ()
    where: Annotated[str, Field(min_length=1)] | None = None
    fill_down: tuple[str, ...] = ()
    sheet: Annotated[str, Field(min_length=1)] | None = None
    join: tuple[JoinedFile, ...] = ()


def _kind_of_source(value: object) -> str:
    """Return which kind of source a value is meant to be, so that errors are about that kind."""
    if isinstance(value, FileSource) or (isinstance(value, dict) and "file" in value):
        return "FileSource"
    return "SqlQuery" if isinstance(value, SqlQuery | dict) else "str"


Source = Annotated[
    Annotated[str, Field(min_length=1), Tag("str")]
    | Annotated[FileSource, Tag("FileSource")]
    | Annotated[SqlQuery, Tag("SqlQuery")],
    Discriminator(_kind_of_source),
]


@dataclass(frozen=True, config=STRICT)
class TableSources:
    """The source of each input table: a file, glob or folder, its URL in an object store, `{file, ...}`, or `{url, query}`.

    None: the table is absent, and its features are null.
    """

    transactions: Source
    complaints: Source | None = None
    surveys: Source | None = None
    contacts: Source | None = None
    customers: Source | None = None
    rates: Source | None = None
    aliases: Source | None = None


@dataclass(frozen=True, config=STRICT)
class ColumnMaps:
    """Per table: canonical column name -> source column, or SQL expression over the source columns of one row."""

    transactions: dict[str, str] = Field(default_factory=dict)
    complaints: dict[str, str] = Field(default_factory=dict)
    surveys: dict[str, str] = Field(default_factory=dict)
    contacts: dict[str, str] = Field(default_factory=dict)
    customers: dict[str, str] = Field(default_factory=dict)
    rates: dict[str, str] = Field(default_factory=dict)
    aliases: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True, config=STRICT)
class Churn:
    """Churn window and activity window in days; `"auto"` proposes them from the gaps between orders.

    `band_cuts`: p_churn below the first is low, at or above the second high, between them medium.
    """

    horizon_days: Days | Literal["auto"] = 90
    active_days: Days | Literal["auto"] = 365
    band_cuts: tuple[Share, Share] = (0.3, 0.6)


@dataclass(frozen=True, config=STRICT)
class Purchases:
    """What counts as a purchase.

    With `net = "order"`, an order with returns whose lines net to zero or less is none, from the day that was known. With
    `"line"`, every sale line counts, whatever was returned later.
    """

    net: Literal["order", "line"] = "order"


@dataclass(frozen=True, config=STRICT)
class Value:
    """Lifetime value: horizon in days, margin as a share of net revenue, annual discount rate."""

    horizon_days: Days = 365
    margin: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False, strict=True)] = 1.0
    annual_discount_rate: Annotated[float, Field(ge=0, le=10, allow_inf_nan=False, strict=True)] = 0.10
    currency: Annotated[str, Field(min_length=1, max_length=8)] = "EUR"


@dataclass(frozen=True, config=STRICT)
class Loyalty:
    """The transactions column that loyalty is about, and the number of occasions that a label needs."""

    unit: Literal["brand", "category", "product_id", "store", "channel"] = "brand"
    min_purchases: Annotated[int, Field(ge=2, strict=True)] = 4


RelationshipLevel = Literal["basic", "reactive", "accountable", "proactive", "partnership"]
Status = Literal["existing", "former"]


@dataclass(frozen=True, config=STRICT)
class Action:
    """Something that can be done for a customer. Of the actions of one kind, each customer gets the best one.

    `save_rate` is the assumed share of leaving customers that the action keeps. With `effect = "odds"`, the default, it holds
    at a churn probability of one half, and the action multiplies every customer's odds of staying by the same factor; so it
    keeps few of those who have almost certainly left. With `"share"` the save rate is the same for all customers. `cost` is per
    customer in the currency of `[value]`. The action is for customers of `statuses`, of relationship level `level` or higher,
    and of `buyers`: those who bought once, those who bought more often, or all. `measured_by` is the action's name in the
    contacts table, by default its own name. An action of kind nurture is for existing customers who are not at risk. `always`
    says that the action is taken whatever it gains, for recovery only: None is true for recovery. With `always = false` an
    answer needs an expected gain above 0.
    """

    name: Annotated[str, Field(min_length=1)]
    kind: Literal["retention", "win_back", "recovery", "nurture"]
    cost: Money
    save_rate: Share
    effect: Literal["share", "odds"] = "odds"
    channel: str = "email"
    owner: str = "marketing"
    statuses: tuple[Status, ...] = ("existing", "former")
    level: RelationshipLevel = "basic"
    buyers: Literal["all", "repeat", "one_time"] = "all"
    measured_by: str | None = None
    always: bool | None = None

    @property
    def is_unconditional(self) -> bool:
        """Whether the action is taken whatever it is expected to gain."""
        return self.kind == "recovery" and self.always is not False

    @property
    def contacts_name(self) -> str:
        """The name of the action in the contacts table."""
        return self.measured_by or self.name


DEFAULT_ACTIONS = (
    Action(name="retention", kind="retention", cost=5.0, save_rate=0.10),
    Action(name="win_back", kind="win_back", cost=5.0, save_rate=0.05),
    Action(name="recovery", kind="recovery", cost=15.0, save_rate=0.20, channel="phone", owner="service"),
)


@dataclass(frozen=True, config=STRICT)
class Caps:
    """Maximum numbers of customers on all lists of a week together; held-out customers do not count.

    `week` is for all customers, `owner` and `segment` by name of owner and loyalty segment, `one_time` for one-time buyers.
    """

    week: PositiveCount | None = None
    one_time: PositiveCount | None = None
    owner: dict[str, PositiveCount] = Field(default_factory=dict)
    segment: dict[str, PositiveCount] = Field(default_factory=dict)


@dataclass(frozen=True, config=STRICT)
class Targeting:
    """Which customers to act on, with which actions, and at what cost per week.

    Existing customers are at risk from a p_churn of `at_risk_threshold`; None: above the base rate, the mean of existing ones at
    training. `budget` is per list. The control group of a list is `control_share` of it. It includes the global control group:
    a fixed `global_control_share` of all customers (at most `control_share`) that no list ever treats. Lists exclude customers
    who were contacted in the last `pause_days`, and controls of a list of the last `control_hold_days` (None: the churn horizon).
    """

    at_risk_threshold: Share | None = None
    budget: Money | None = None
    control_share: Annotated[float, Field(ge=0, lt=1, strict=True)] = 0.10
    global_control_share: Annotated[float, Field(ge=0, lt=1, strict=True)] = 0.02
    pause_days: Annotated[int, Field(ge=0, le=365, strict=True)] = 14
    control_hold_days: Days | None = None
    caps: Caps = Caps()
    actions: tuple[Action, ...] = DEFAULT_ACTIONS


@dataclass(frozen=True, config=STRICT)
class Event:
    """A period known in advance, both days inclusive, with `orders` times as many orders as usual.

    A `yearly` one recurs on the same days of each later year.
    """

    name: str
    first: date
    last: date
    orders: Annotated[float, Field(gt=0, le=100, strict=True)]
    yearly: bool = False


@dataclass(frozen=True, config=STRICT)
class Calendar:
    """The country of the shop (two letters, ISO 3166), and events known in advance."""

    country: Annotated[str, Field(pattern="^[A-Z]{2}$")] | None = None
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, config=STRICT)
class Training:
    """What `train`, `compare` and `backtest` evaluate.

    `candidates` and `value_candidates` name those that take part; the naive baselines always do. Empty means all but those that
    the package `lifetimes` fits, and ["all"] these too. A reference such as "my_module:Candidate" adds one of your own.
    `origins` is the highest number of past days, `seed` that of all trees, and `trees` a file of parameters from `tune`.
    `families` are references to feature families of your own, whose columns `compare` and `backtest` join to the features for
    candidates of your own. `segments` are columns of the features by whose values the metrics are grouped.
    """

    candidates: tuple[str, ...] = ()
    value_candidates: tuple[str, ...] = ()
    origins: Annotated[int, Field(ge=1, le=12, strict=True)] = 4
    seed: Annotated[int, Field(ge=0, lt=2**31, strict=True)] = 7
    trees: Path | None = None
    families: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()


@dataclass(frozen=True, config=STRICT)
class Tracking:
    """The database of MLflow's runs and model registry; None: `mlflow.db` in the workspace.

    `mlflow_password_file` holds the password that the URL lacks.
    """

    mlflow_uri: str | None = None
    mlflow_password_file: Path | None = None


@dataclass(frozen=True, config=STRICT)
class Serving:
    """The store of published scores, how long scores are kept, and the limits of the service.

    `store` None: `scores.db` in the workspace; `store_password_file` holds the password that its URL lacks. `secret_file` None:
    `control.key` in the workspace. Runs are kept for `keep_weeks` weeks before the newest one. A run older than
    `stale_after_days` is reported as stale. `development` requires no key, on a loopback address only. `root_path` is the path
    prefix under which a proxy publishes the service. X-Forwarded-Prefix and X-Forwarded-For count only from `trusted_proxies`:
    addresses or networks. Limits are per call, except `requests_per_minute`, which is per key and worker. Each worker has
    `threads` threads.
    """

    store: str | None = None
    store_password_file: Path | None = None
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
    header_seconds: Seconds = 10.0
    max_header_bytes: Annotated[int, Field(ge=1_024, le=1_048_576, strict=True)] = 32_768
    root_path: Annotated[str, Field(pattern=r"^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*){0,8}$")] = ""
    trusted_proxies: tuple[str, ...] = ()


@dataclass(frozen=True, config=STRICT)
class Settings:
    """The whole configuration; all paths are absolute."""

    tables: TableSources
    workspace: Workspace = Workspace()
    columns: ColumnMaps = ColumnMaps()
    checks: Checks = Checks()
    churn: Churn = Churn()
    purchases: Purchases = Purchases()
    value: Value = Value()
    loyalty: Loyalty = Loyalty()
    targeting: Targeting = Targeting()
    calendar: Calendar = Calendar()
    training: Training = Training()
    tracking: Tracking = Tracking()
    serving: Serving = Serving()

    @property
    def mlflow_uri(self) -> str:
        """Tracking URI, by default of a SQLite file in the workspace."""
        return self.tracking.mlflow_uri or f"sqlite:///{self.workspace.path / 'mlflow.db'}"

    @property
    def store_url(self) -> str:
        """Database URL of the score store, by default of a SQLite file in the workspace."""
        return self.serving.store or f"sqlite:///{self.workspace.path / 'scores.db'}"

    @property
    def secret_path(self) -> Path:
        """File of the secret key that selects controls and hashes ids, by default in the workspace."""
        return self.serving.secret_file or self.workspace.path / "control.key"

    @property
    def withheld_log_path(self) -> Path:
        """File that keeps every objection and erasure without the store: beside the secret, or in the workspace.

        The workspace has it where the folder of the secret is read-only, as that of a container's secrets.
        """
        folder = self.secret_path.parent
        is_read_only = folder.is_dir() and not os.access(folder, os.W_OK)
        return (self.workspace.path if is_read_only else folder) / f"{self.secret_path.name}.withheld"
