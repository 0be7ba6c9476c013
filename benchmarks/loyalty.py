"""Loyalty types: how often a share-and-run rule and the likelihoods identify the type that generated a sequence.

Run: python -m benchmarks.loyalty [yogurt_panel.csv]

Sequences have 5 % noise and are generated separately from the models that classify them (ten brands, uneven split shares, late
or early shifts). With the yogurt panel it also prints the segment shares of real households, and how often a household has the
same label in both halves of its history, compared with halves of different households.
"""

import sys
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from features.build import build_features
from features.frames.arrays import IntArray
from features.tables.schema import Tables
from settings.sections import Loyalty

TYPES = ("hard_core", "split", "shifting", "switcher")
LENGTHS = (6, 12, 24)
PER_TYPE = 2_000
BRANDS = 10
NOISE = 0.05
END, ACTIVE_DAYS = date(2030, 1, 1), 365
START = datetime(2024, 1, 1)  # noqa: DTZ001  # the tables hold UTC without a zone
Sequences = IntArray


def generate_sequences(kind: str, length: int, rng: np.random.Generator) -> Sequences:
    """Return PER_TYPE sequences of brand numbers, shape (PER_TYPE, length)."""
    favourites = rng.random((PER_TYPE, BRANDS)).argsort(axis=1)[:, :3]
    uniform = rng.random((PER_TYPE, length))
    random_brand = rng.integers(0, BRANDS, (PER_TYPE, length))
    if kind == "split":
        first = rng.uniform(0.4, 0.6, (PER_TYPE, 1))
        second = np.where(rng.random((PER_TYPE, 1)) < 0.5, 1 - first, (1 - first) * 0.6)
        favourite = (uniform >= first).astype(int) + (uniform >= first + second)
    elif kind == "shifting":
        margin = max(length // 4, 2)
        favourite = (np.arange(length) >= rng.integers(margin, length - margin + 1, (PER_TYPE, 1))).astype(int)
    else:
        favourite = np.zeros((PER_TYPE, length), dtype=int)
    brands = np.take_along_axis(favourites, favourite, axis=1)
    return np.where((rng.random((PER_TYPE, length)) < NOISE) | (kind == "switcher"), random_brand, brands)


def order_lines(sequences: Sequences, prefix: str) -> pl.LazyFrame:
    """Return the sequences as order lines with one purchase a week."""
    rows, length = sequences.shape
    return pl.LazyFrame(
        {
            "customer_id": [f"{prefix}{row:05d}" for row in range(rows) for _ in range(length)],
            "ordered_at": [START + timedelta(weeks=week) for _ in range(rows) for week in range(length)],
            "amount": np.ones(rows * length),
            "brand": [f"B{brand}" for brand in sequences.ravel()],
        }
    )


def classify_by_likelihood(lines: pl.LazyFrame) -> pl.DataFrame:
    """Return customer_id and the label of features/families/loyalty.py."""
    features = build_features(Tables(lines), END, ACTIVE_DAYS, Loyalty())
    return features.select("customer_id", pl.col("loyalty_segment").alias("label"))


def classify_by_rule(lines: pl.LazyFrame) -> pl.DataFrame:
    """Return customer_id and the label of a share-and-run rule.

    One brand with 80 % of the purchases is hard-core. Two or three with 80 % are split, or shifting where each of two brands has
    mostly one half of the history. All else is a switcher.
    """
    position = pl.int_range(pl.len()).over("customer_id", order_by="ordered_at")
    is_early = (position < pl.len().over("customer_id") / 2).alias("early")
    counts = (
        lines.with_columns(is_early)
        .group_by("customer_id", "brand")
        .agg(pl.len().alias("n"), pl.col("early").sum().alias("early"))
    )
    ranked = pl.col("n").sort(descending=True)
    early = pl.col("early").sort_by("n", descending=True)
    top = counts.group_by("customer_id").agg(
        pl.col("n").sum().alias("all"),
        *(ranked.get(rank, null_on_oob=True).fill_null(0).alias(f"n{rank}") for rank in range(3)),
        *(early.get(rank, null_on_oob=True).fill_null(0).alias(f"e{rank}") for rank in range(2)),
    )
    share = [pl.col(f"n{rank}") / pl.col("all") for rank in range(3)]
    early_share = [pl.col(f"e{rank}") / pl.col(f"n{rank}") for rank in range(2)]
    shifts = ((early_share[0] >= 0.75) & (early_share[1] <= 0.25)) | ((early_share[0] <= 0.25) & (early_share[1] >= 0.75))
    label = (
        pl.when(share[0] >= 0.8)
        .then(pl.lit("hard_core"))
        .when((share[0] + share[1] >= 0.8) & shifts)
        .then(pl.lit("shifting"))
        .when(share[0] + share[1] + share[2] >= 0.8)
        .then(pl.lit("split"))
        .otherwise(pl.lit("switcher"))
    )
    return top.select("customer_id", label.alias("label")).collect()


def print_accuracy() -> None:
    """Print the share of correctly classified sequences, by length and type, for both methods."""
    rng = np.random.default_rng(1)
    print("| purchases | method | " + " | ".join(TYPES) + " | all |\n|---|---|---|---|---|---|---|")
    for length in LENGTHS:
        lines = pl.concat([order_lines(generate_sequences(kind, length, rng), f"{kind}:") for kind in TYPES])
        for name, method in (("share and run", classify_by_rule), ("likelihood", classify_by_likelihood)):
            labels = method(lines).with_columns(pl.col("customer_id").str.extract(r"^(\w+):").alias("kind"))
            correct = labels.group_by("kind").agg((pl.col("label") == pl.col("kind")).mean().alias("correct"))
            accuracy = dict(correct.iter_rows())
            cells = " | ".join(f"{accuracy[kind]:.3f}" for kind in TYPES)
            print(f"| {length} | {name} | {cells} | {sum(accuracy.values()) / len(TYPES):.3f} |")


def print_panel(path: Path) -> None:
    """Print segment shares of the yogurt households, and how stable labels are between the halves of a history."""
    rows = pl.read_csv(path).with_columns(pl.int_range(pl.len()).over("id").alias("step"), pl.len().over("id").alias("all"))
    lines = rows.select(
        pl.col("id").cast(pl.String).alias("customer_id"),
        (pl.lit(START) + pl.duration(weeks="step")).alias("ordered_at"),
        pl.lit(1.0).alias("amount"),
        pl.col("choice").alias("brand"),
        (pl.col("step") < pl.col("all") / 2).alias("early"),
    ).lazy()
    print(classify_by_likelihood(lines)["label"].value_counts(sort=True))
    early, late = (classify_by_likelihood(lines.filter(pl.col("early") == is_early)) for is_early in (True, False))
    halves = early.join(late, on="customer_id", suffix="_late")
    labelled = halves.filter((pl.col("label") != "undetermined") & (pl.col("label_late") != "undetermined"))
    early_labels, late_labels = labelled["label"].to_numpy(), labelled["label_late"].to_numpy()
    same = (early_labels == late_labels).mean()
    rng = np.random.default_rng(2)
    by_chance = np.mean([(early_labels == rng.permutation(late_labels)).mean() for _ in range(1_000)])
    print(
        f"{labelled.height} of {halves.height} households have a label in both halves: the same for {same:.0%}, "
        f"by chance for {by_chance:.0%}"
    )


if __name__ == "__main__":
    print_accuracy()
    if len(sys.argv) > 1:
        print_panel(Path(sys.argv[1]))
