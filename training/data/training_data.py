"""The training data: windows, past snapshots and the newest features, all known before one date."""

from dataclasses import dataclass, replace
from datetime import date

import polars as pl

from features.as_of import order_date_range
from features.btyd_summary import purchase_histories
from features.frames.columns import CUSTOMER
from features.frames.encoded import encode_tables
from features.frames.purchases import customer_days, occasions
from features.norms import Norms, compute_norms
from features.partition import ALL_CUSTOMERS, Part
from features.point_in_time import known_before
from features.tables.schema import Tables
from features.windows import Windows, churn_windows
from models.btyd.pair import BuyTillYouDie
from models.snapshot import Snapshot
from settings.sections import Settings
from training.data.contact_censoring import drop_contacted_windows
from training.data.leakage_checks import refuse_leaks
from training.data.progress import Progress
from training.data.seasonal_levels import persistent_offset, predicted_offset
from training.data.snapshots import SHORT_LOG_HISTORY, build_snapshots, buyer_features

MAX_CUSTOMERS = 20_000  # more of them hardly improve the models (docs/training.md)


@dataclass(frozen=True)
class TrainingData:
    """Snapshots oldest first; `features`, `norms` and `btyd` are as of `as_of`; `digests` identify each table's content.

    Customers contacted in a window are not in its snapshot. `notes` are sentences on the limits of the data. With many
    customers, `snapshots`, `features` and the order lines of `tables` hold a part of them; norms and order models use all.
    """

    as_of: date
    windows: Windows
    snapshots: list[Snapshot]
    features: pl.DataFrame
    norms: Norms
    btyd: BuyTillYouDie
    tables: Tables
    digests: dict[str, str]
    notes: list[str]


def prepare_training_data(settings: Settings, tables: Tables, as_of: date, progress: Progress) -> TrainingData:
    """Return the training data from everything known before `as_of`.

    Raises TooLittleDataError where not even the buy-till-you-die models can be fitted, and LeakageError where a feature of the
    newest past day seems to know the future.
    """
    known = known_before(tables, as_of)
    windows, part = churn_windows(settings.churn, known, as_of), training_part(known.transactions)
    encoded, norms = encode_tables(known, part), compute_norms(known, as_of)
    features = buyer_features(encoded, as_of, windows.active_days, settings.loyalty, norms)
    histories = features if part == ALL_CUSTOMERS else _all_histories(known, as_of)
    offset = predicted_offset(encoded, as_of, windows.horizon_days, settings.calendar)
    btyd = BuyTillYouDie.fit(histories).with_offset(offset)
    part_tables = replace(known, transactions=known.transactions.filter(part.holds()))
    snapshots = build_snapshots(
        part_tables,
        encoded,
        as_of,
        horizon_days=windows.horizon_days,
        active_days=windows.active_days,
        loyalty=settings.loyalty,
        progress=progress,
        all_tables=known,
        calendar=settings.calendar,
    )
    btyd = btyd.with_offset(btyd.offset + persistent_offset(snapshots))
    if snapshots:
        refuse_leaks(known, snapshots[-1], windows.active_days, settings.loyalty, part)
    untreated, note = drop_contacted_windows(snapshots)
    notes = [note] if note else []
    if not snapshots:
        notes = [_no_snapshots_note((as_of - order_date_range(known)[0]).days, windows.horizon_days)]
    return TrainingData(
        as_of=as_of,
        windows=windows,
        snapshots=untreated,
        features=features,
        norms=norms,
        btyd=btyd,
        tables=part_tables,
        digests=table_digests(known),
        notes=notes,
    )


def training_part(transactions: pl.LazyFrame) -> Part:
    """Return all customers where they are at most 20,000, else a part by hash of about 20,000."""
    customers = int(transactions.select(pl.col(CUSTOMER).n_unique()).collect(engine="streaming").item())
    return Part(0, -(-customers // MAX_CUSTOMERS)) if customers > MAX_CUSTOMERS else ALL_CUSTOMERS


def _all_histories(known: Tables, as_of: date) -> pl.DataFrame:
    return purchase_histories(occasions(customer_days(known.transactions)).collect(engine="streaming"), as_of)


def _no_snapshots_note(days: int, horizon_days: int) -> str:
    reason = (
        f"The log of {days:,} days is too short for a past window of {horizon_days}"
        if days < horizon_days * (1 + SHORT_LOG_HISTORY)
        else "No past day had enough customers"
    )
    return (
        f"{reason}: there is nothing to learn from or to evaluate on. Churn and value are the predictions of the order models "
        "alone, shrunk by how little they saw, without a season and without a backtest."
    )


def table_digests(known: Tables) -> dict[str, str]:
    """Return a digest of the rows of each table."""
    return {name: _digest(frame) for name, frame in known.present().items()}


def _digest(table: pl.LazyFrame) -> str:
    """Return a digest of the rows that does not depend on their order."""
    rows = table.select(pl.struct(pl.all()).hash(seed=0).sum().alias("content"), pl.len()).collect(engine="streaming")
    content, count = rows.row(0)
    return f"{content:016x}-{count}"
