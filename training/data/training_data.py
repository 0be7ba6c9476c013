"""What training learns from: windows, past snapshots, and the newest features, all known before one date."""

from dataclasses import dataclass, replace
from datetime import date

import polars as pl

from features.as_of import order_days
from features.btyd_summary import purchase_histories
from features.frames.columns import CUSTOMER
from features.frames.encoded import encode_tables
from features.frames.purchases import customer_days, occasions
from features.norms import Norms, compute_norms
from features.partition import WHOLE, Part
from features.point_in_time import known_before
from features.tables.schema import Tables
from features.windows import Windows, churn_windows
from models.btyd.pair import BuyTillYouDie
from models.snapshot import Snapshot
from settings.sections import Settings
from training.data.contact_censoring import untreated_windows
from training.data.leakage_checks import refuse_leaks
from training.data.seasonal_levels import predicted_offset
from training.data.snapshots import Progress, build_snapshots, buyers

MAX_CUSTOMERS = 20_000  # beyond them learning hardly profits (docs/training.md)


@dataclass(frozen=True)
class TrainingData:
    """Snapshots oldest first; `features`, `norms` and `btyd` are as of `as_of`; `digests` name each table's content.

    Customers who were contacted in a window are not in its snapshot. `notes` say in words what the material falls short of.
    Of many customers, `snapshots`, `features` and the order lines of `tables` hold a part; norms and order models know all.
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
    """Return the material of everything known before `as_of`.

    Raises TooLittleData when not even the buy-till-you-die models can be fitted on it, and LeakageSuspected where a feature of
    the newest past day seems to know what came after.
    """
    known = known_before(tables, as_of)
    chosen, part = churn_windows(settings.churn, known, as_of), part_to_learn_from(known.transactions)
    encoded, norms = encode_tables(known, part), compute_norms(known, as_of)
    features = buyers(encoded, as_of, chosen.active_days, settings.loyalty, norms)
    everyone = features if part == WHOLE else _everyone(known, as_of)
    btyd = BuyTillYouDie.fit(everyone).expecting(predicted_offset(encoded, as_of, chosen.horizon_days))
    theirs = replace(known, transactions=known.transactions.filter(part.holds()))
    snapshots = build_snapshots(
        theirs, encoded, as_of, chosen.horizon_days, chosen.active_days, settings.loyalty, progress, known
    )
    if snapshots:
        refuse_leaks(known, snapshots[-1], chosen.active_days, settings.loyalty, part)
    bare, limit = untreated_windows(snapshots)
    notes = [limit] if limit else []
    if not snapshots:
        notes = [_short((as_of - order_days(known)[0]).days, chosen.horizon_days)]
    return TrainingData(as_of, chosen, bare, features, norms, btyd, theirs, _digests(known), notes)


def part_to_learn_from(transactions: pl.LazyFrame) -> Part:
    """Return all customers where they are at most 20,000, else a part by hash of about so many."""
    customers = int(transactions.select(pl.col(CUSTOMER).n_unique()).collect(engine="streaming").item())
    return Part(0, -(-customers // MAX_CUSTOMERS)) if customers > MAX_CUSTOMERS else WHOLE


def _everyone(known: Tables, as_of: date) -> pl.DataFrame:
    return purchase_histories(occasions(customer_days(known.transactions)).collect(engine="streaming"), as_of)


def _short(days: int, horizon_days: int) -> str:
    why = (
        f"The log of {days} days is shorter than two horizons of {horizon_days}"
        if days < 2 * horizon_days
        else "On no past day were there enough customers"
    )
    return (
        f"{why}: no past window can be learned from or judged by, so churn and value are what the order models alone say, "
        "without a season and never tested."
    )


def _digests(known: Tables) -> dict[str, str]:
    return {name: _digest(frame) for name, frame in known.present().items()}


def _digest(table: pl.LazyFrame) -> str:
    """Digest of the rows, whatever their order."""
    rows = table.select(pl.struct(pl.all()).hash(seed=0).sum().alias("content"), pl.len()).collect(engine="streaming")
    content, count = rows.row(0)
    return f"{content:016x}-{count}"
