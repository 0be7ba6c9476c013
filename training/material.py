"""What training learns from: windows, past snapshots, and the newest features, all known before one date."""

from dataclasses import dataclass
from datetime import date

import polars as pl

from features.history import history
from features.known import known_before
from features.norms import Norms, norms
from features.tables.schema import Tables
from features.windows import Windows, windows
from models.btyd import BuyTillYouDie
from models.snapshot import Snapshot
from settings.sections import Settings
from training.leakage import refuse_leaks
from training.levels import foretold_level
from training.snapshots import Progress, build_snapshots, buyers


@dataclass(frozen=True)
class Material:
    """Snapshots oldest first; `features`, `norms` and `btyd` are as of `as_of`; `digest` names the order lines."""

    as_of: date
    windows: Windows
    snapshots: list[Snapshot]
    features: pl.DataFrame
    norms: Norms
    btyd: BuyTillYouDie
    tables: Tables
    digest: str


def gather(settings: Settings, tables: Tables, as_of: date, progress: Progress) -> Material:
    """Return the material of everything known before `as_of`.

    Raises TooLittleData when not even the buy-till-you-die models can be fitted on it, and LeakageSuspected where a feature of
    the newest past day seems to know what came after.
    """
    known = known_before(tables, as_of)
    chosen = windows(settings.churn, known, as_of)
    past, usual = history(known), norms(known, as_of)
    features = buyers(past, as_of, chosen.active_days, settings.loyalty, usual)
    btyd = BuyTillYouDie.fit(features).expecting(foretold_level(past, as_of, chosen.horizon_days))
    snapshots = build_snapshots(known, past, as_of, chosen.horizon_days, chosen.active_days, settings.loyalty, progress)
    if snapshots:
        refuse_leaks(known, snapshots[-1], chosen.active_days, settings.loyalty)
    return Material(as_of, chosen, snapshots, features, usual, btyd, known, _digest(known.transactions))


def _digest(transactions: pl.LazyFrame) -> str:
    """Digest of the rows, whatever their order."""
    rows = transactions.select(pl.struct(pl.all()).hash(seed=0).sum().alias("content"), pl.len()).collect(engine="streaming")
    content, count = rows.row(0)
    return f"{content:016x}-{count}"
