from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from models.snapshot import Snapshot
from training.data.contact_censoring import untreated, untreated_windows

H = 90
CUSTOMERS = 20_000


def windows(contact_at: str) -> tuple[pl.DataFrame, float]:
    """Customers who order after 100 days on average if left alone, half of them contacted; and the share who then do not order.

    A contact makes the next order come ten days later at the latest. Customers with a risk are slower, and told by `slow`.
    """
    rng = np.random.default_rng(7)
    slow = rng.random(CUSTOMERS) < 0.5
    alone = rng.exponential(np.where(slow, 200.0, 60.0))
    chosen = rng.random(CUSTOMERS) < 0.5
    contact = {
        "any day": np.where(chosen, rng.uniform(0, H, CUSTOMERS), np.inf),
        "after an order": np.where(chosen, alone + 1, np.inf),
        "for slow ones": np.where(chosen & slow, 5.0, np.inf),
    }[contact_at]
    ordered = np.where(contact < alone, np.minimum(alone, contact + 10), alone)
    waits = {"order_wait": ordered, "contact_wait": contact}
    columns = {name: pl.Series(np.where(wait < H, wait, np.nan)).fill_nan(None) for name, wait in waits.items()}
    ids = pl.Series([f"{number:06d}" for number in range(CUSTOMERS)])
    return pl.DataFrame({"customer_id": ids, "slow": slow, "churned": (ordered >= H).astype(np.int8), **columns}), float(
        (alone >= H).mean()
    )


@pytest.mark.parametrize("contact_at", ["any day", "after an order"])
def test_who_is_left_leaves_as_often_as_all_would_without_a_contact(contact_at: str) -> None:
    frame, truth = windows(contact_at)
    kept = untreated(frame, H)
    assert kept.height > 0.4 * CUSTOMERS
    assert kept["churned"].mean() == pytest.approx(truth, abs=0.015)
    naive = frame.filter(pl.col("contact_wait").is_null())["churned"].mean()
    as_is = frame["churned"].mean()
    assert max(abs(naive - truth), abs(as_is - truth)) > 0.05  # type: ignore[operator]  # the mean of numbers is one


def test_where_those_at_risk_are_contacted_each_kind_of_customer_shows_its_own_risk() -> None:
    frame, _ = windows("for slow ones")
    of_kind = untreated(frame, H).group_by("slow").agg(pl.col("churned").mean()).sort("slow")["churned"].to_list()
    assert of_kind == pytest.approx([np.exp(-H / 60), np.exp(-H / 200)], abs=0.02)


def test_without_contacts_nobody_is_left_out_and_the_order_of_rows_is_of_no_account() -> None:
    frame, _ = windows("any day")
    nobody = frame.with_columns(contact_wait=pl.lit(None, pl.Float64))
    assert untreated(nobody, H).equals(nobody)
    turned = untreated(frame.reverse(), H).reverse()
    assert turned.equals(untreated(frame, H))


def test_where_nearly_all_are_contacted_all_are_kept_and_a_sentence_says_so() -> None:
    frame, _ = windows("any day")
    every = frame.head(1_500).with_columns(contact_wait=pl.lit(0.5))
    snapshot = Snapshot(None, H, every, None)  # type: ignore[arg-type]  # only the frame is looked at
    kept, limit = untreated_windows([snapshot, replace(snapshot, frame=frame.head(100))])
    assert [each.frame.height for each in kept] == [1_500, 100]
    assert limit is not None
    assert "of 1,600 customer windows were without a contact" in limit
    kept, limit = untreated_windows([replace(snapshot, frame=frame)])
    assert limit is None
    assert kept[0].frame.height < CUSTOMERS
