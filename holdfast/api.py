"""The functions behind `import holdfast`: the commands as functions that take and return data, for notebooks and scripts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from expectations.validation.report import TableReport
from features.as_of import resolve_as_of
from features.btyd_summary import purchase_histories
from features.build import build_features
from features.frames.purchases import customer_days, occasions
from features.order_rhythm import order_rhythm
from features.point_in_time import known_before
from features.storage.hashing import HashedIds
from features.tables.schema import Tables
from features.windows import churn_windows
from holdfast.jobs.session import open_session, suppressed_ids
from models.btyd.histories import refuse_other_frames
from models.champion import current_champion
from models.churn.protocol import Candidate
from models.errors import InvalidHistoriesError
from models.registry import find_candidate as find_registered
from models.value.protocol import ValueCandidate
from serving.scoring.batch import refuse_hindsight
from serving.scoring.batch import score as score_customers
from settings.clock import shop_today, utc_now
from settings.sections import Settings
from training.evaluation.backtest_result import Backtest
from training.families import Family
from training.registry.promotion import confirm
from training.train import TrainingResult, configured_contestants
from training.train import compare as compare_candidates
from training.train import train as train_candidates

RFM_COLUMNS = ("customer_id", "ordered_at", "amount")


@dataclass(frozen=True)
class Workspace:
    """A company's settings and checked tables, as `open_workspace` returns them.

    `reports` has the checks of each table, `as_of` the default as-of date, `suppressed` the customers who opted out.
    """

    settings: Settings
    tables: Tables
    reports: list[TableReport]
    as_of: date
    suppressed: HashedIds


@dataclass(frozen=True)
class Comparison:
    """Leaderboards over past days: `churn` and `value` have one row per candidate, the best first.

    `board` is the same with intervals and groups, as data; `result` has the predictions and the fitted models; `html` is a page.
    """

    churn: pl.DataFrame
    value: pl.DataFrame
    board: dict[str, Any]
    result: Backtest
    html: str

    def _repr_html_(self) -> str:
        """Show the page in a notebook."""
        return self.html


def open_workspace(config: str | Path = "holdfast.toml", as_of: date | None = None) -> Workspace:
    """Read the configuration, check every table, and return the usable rows.

    `as_of` defaults to the day after the newest usable order. Raises SettingsError for the configuration, TableUnusableError
    for a table and AsOfDateError for the date; each says what to do.

    >>> workspace = open_workspace("demo/holdfast.toml")
    >>> workspace.tables.transactions.collect_schema().names()[:4]
    ['customer_id', 'order_id', 'ordered_at', 'amount']
    """
    with open_session(Path(config), as_of) as session:
        return Workspace(
            settings=session.settings,
            tables=session.tables,
            reports=session.reports,
            as_of=session.as_of,
            suppressed=suppressed_ids(session.settings, session.store),
        )


def features(workspace: Workspace, as_of: date | None = None) -> pl.DataFrame:
    """Return the features of every customer known before the as-of date, one row each, by customer_id (docs/features.md).

    >>> features(open_workspace("demo/holdfast.toml")).columns[:2]
    ['customer_id', 'as_of']
    """
    day = _day(workspace, as_of)
    windows = churn_windows(workspace.settings.churn, workspace.tables, day)
    return build_features(workspace.tables, day, windows.active_days, workspace.settings.loyalty)


def purchases(tables: Tables, as_of: date) -> pl.LazyFrame:
    """Return the purchases known before `as_of`: one row per customer_id and day, with the day's net `spend`."""
    return occasions(customer_days(known_before(tables, as_of).transactions))


def rfm(transactions: pl.DataFrame | pl.LazyFrame, as_of: date | None = None) -> pl.DataFrame:
    """Return the histories that order models are fitted on, from any order lines: a row per customer, by customer_id.

    `transactions` need customer_id, ordered_at (UTC) and amount; lines with a negative amount or quantity are returns. Columns:
    orders, frequency (repeat purchase days), recency and T (days), monetary_value (mean spend of repeat purchase days) and
    log_gaps, for `BGCNBD`. Only lines before `as_of` count, by default the day after the newest. Raises
    InvalidHistoriesError for a missing column, or a frame of another library.

    >>> lines = pl.DataFrame(
    ...     {
    ...         "customer_id": ["a", "a", "b"],
    ...         "ordered_at": [date(2026, 1, 1), date(2026, 1, 31), date(2026, 2, 9)],
    ...         "amount": [10.0, 30.0, 5.0],
    ...     }
    ... )
    >>> rfm(lines).select("customer_id", "frequency", "recency", "T", "monetary_value").rows()
    [('a', 1, 30, 40, 30.0), ('b', 0, 0, 1, None)]
    """
    if not isinstance(transactions, pl.LazyFrame):
        refuse_other_frames(transactions)
    lines = transactions.lazy()
    missing = [name for name in RFM_COLUMNS if name not in lines.collect_schema()]
    if missing:
        raise InvalidHistoriesError(f"The order lines have no column {missing[0]}; they need {', '.join(RFM_COLUMNS)}.")
    days = occasions(customer_days(lines.with_columns(pl.col("ordered_at").cast(pl.Datetime("us"))))).collect()
    newest: date | None = days["day"].max()  # type: ignore[assignment]  # the maximum of dates is one
    if newest is None:
        raise InvalidHistoriesError("There is no order line to summarise.")
    return purchase_histories(days, as_of or newest + timedelta(days=1))


def train(workspace: Workspace, as_of: date | None = None) -> TrainingResult:
    """Fit and compare all candidates, and register the winner in MLflow: as champion if there is none, else as challenger.

    >>> train(open_workspace("demo/holdfast.toml")).is_champion  # the demo has a champion: the new version is challenger
    False
    """
    result = train_candidates(workspace.settings, workspace.tables, _day(workspace, as_of), _no_progress)
    confirm(workspace.settings)
    return result


def compare(
    workspace: Workspace,
    as_of: date | None = None,
    candidates: Sequence[Candidate] | None = None,
    families: Sequence[Family] | None = None,
    value_candidates: Sequence[ValueCandidate] | None = None,
) -> Comparison:
    """Evaluate candidates for churn and value on the same customers of past days; register nothing.

    By default the candidates are those of `[training]` in the configuration, which also says on how many days. `families` are
    feature families of your own: their columns are joined to each past day's features, as of that day. Raises
    TooLittleDataError where not even the order models can be fitted.

    >>> two = (find_candidate("recency_rule"), find_candidate("hybrid"))
    >>> compare(open_workspace("demo/holdfast.toml"), candidates=two, value_candidates=()).churn["candidate"].to_list()
    ['hybrid', 'recency_rule']
    """
    day = _day(workspace, as_of)
    chosen = configured_contestants(workspace.settings)
    if candidates is not None:
        chosen = chosen._replace(churn=tuple(candidates))
    if value_candidates is not None:
        chosen = chosen._replace(value=tuple(value_candidates))
    board, result, html = compare_candidates(
        workspace.settings,
        workspace.tables,
        day,
        _no_progress,
        chosen,
        families,
    )
    churn, value = (_metrics_frame(board[kind]) for kind in ("churn", "value"))
    return Comparison(churn=churn, value=value, board=board, result=result, html=html)


def score(workspace: Workspace, as_of: date | None = None, *, allow_hindsight: bool = False) -> pl.DataFrame:
    """Return the scores of every customer by the current champion, one row each (docs/scores.md); publish nothing.

    Raises NoChampionError before the first `train`, and HindsightError for a champion trained on data from after the as-of
    date, unless `allow_hindsight`.

    >>> scores = score(open_workspace("demo/holdfast.toml"))
    >>> bool(scores["p_churn"].drop_nulls().is_between(0, 1).all())
    True
    """
    champion, day = current_champion(workspace.settings.workspace.path / "champion"), _day(workspace, as_of)
    if not allow_hindsight:
        refuse_hindsight(champion, day)
    return score_customers(workspace.settings, workspace.tables, champion, day, utc_now(), suppressed=workspace.suppressed)


def find_candidate(name: str) -> Candidate:
    """Return the built-in churn candidate of that name.

    >>> find_candidate("hybrid").name
    'hybrid'
    """
    return find_registered(name)


def _day(workspace: Workspace, as_of: date | None) -> date:
    return (
        workspace.as_of
        if as_of is None
        else resolve_as_of(order_rhythm(workspace.tables.transactions), as_of, shop_today(workspace.settings.workspace.time_zone))
    )


def _metrics_frame(entries: list[dict[str, Any]]) -> pl.DataFrame:
    """Return the candidates with their plain metrics, without intervals and groups."""
    plain = (str, int, float, type(None))
    return pl.DataFrame([{name: value for name, value in entry.items() if isinstance(value, plain)} for entry in entries])


def _no_progress(_stage: str, _done: int, _total: int) -> None:
    """Show nothing."""
