"""Score more customers than fit into memory: one part of them after the other."""

from datetime import date, datetime

import polars as pl

from features.build import build_features
from features.build_in_parts import LINES_PER_PART, tables_in_parts
from features.frames.columns import CUSTOMER
from features.norms import Norms
from features.point_in_time import known_before
from features.storage.hashing import NO_IDS, HashedIds
from features.tables.schema import Tables
from models.champion import Champion
from serving.scoring.batch import ScoringRun, loyalty_of, norms_as_of, score_features, with_percentiles
from settings.sections import Settings

CUSTOMERS_PER_PART = 100_000


def count_score_parts(tables: Tables, as_of: date) -> int:
    """Return the number of parts that keeps each at about a hundred thousand customers, and ten million order lines."""
    lines = known_before(tables, as_of).transactions
    rows, customers = lines.select(pl.len(), pl.col(CUSTOMER).n_unique()).collect(engine="streaming").row(0)
    return max(1, -(-int(rows) // LINES_PER_PART), -(-int(customers) // CUSTOMERS_PER_PART))


def score_in_parts(
    settings: Settings,
    tables: Tables,
    champion: Champion,
    as_of: date,
    scored_at: datetime,
    norms: Norms | None = None,
    suppressed: HashedIds = NO_IDS,
    parts: int | None = None,
) -> ScoringRun:
    """Return what `score_run` returns, with the features and forecasts of only one part of the customers in memory at a time.

    `parts` is by default that of `count_score_parts`. With more than one, the order lines are first written by part to the
    workspace, so that they are read once.
    """
    parts = parts or count_score_parts(tables, as_of)
    norms = norms or norms_as_of(champion, tables, as_of)
    active_days, loyalty = champion.terms.active_days, loyalty_of(champion)
    known, scratch = known_before(tables, as_of), settings.workspace.path / "parts"
    runs = []
    with tables_in_parts(known, parts, scratch) as tables_by_part:
        for own_tables, part in tables_by_part:
            features = build_features(own_tables, as_of, active_days, loyalty, norms, part)
            runs.append(score_features(settings, tables, champion, features, scored_at, suppressed))
    return _joined(runs)


def _joined(runs: list[ScoringRun]) -> ScoringRun:
    """Return one run of the parts, by customer_id, with percentiles over all customers."""
    scores, targets, contacted = (
        pl.concat([getattr(run, name) for run in runs], rechunk=False).sort(CUSTOMER)
        for name in ("scores", "targets", "contacted")
    )
    return ScoringRun(with_percentiles(scores), targets, contacted)
