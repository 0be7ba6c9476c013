from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from models.snapshot import Snapshot
from training.data.contact_censoring import drop_contacted_windows, untreated_rows

H = 90
CUSTOMERS = 20_000


def windows(contact_at: str) -> tuple[pl.DataFrame, float]:
    """Return windows of customers with contacts, and the share who would not order without them.

    A contact brings the next order forward to at most ten days after it. Customers at risk are the `slow` ones.
    """
    rng = np.random.default_rng(7)
    slow = rng.random(CUSTOMERS) < 0.5
    uncontacted_wait = rng.exponential(np.where(slow, 200.0, 60.0))
    selected = rng.random(CUSTOMERS) < 0.5
    contact = {
        "any day": np.where(selected, rng.uniform(0, H, CUSTOMERS), np.inf),
        "after an order": np.where(selected, uncontacted_wait + 1, np.inf),
        "for slow ones": np.where(selected & slow, 5.0, np.inf),
    }[contact_at]
    ordered = np.where(contact < uncontacted_wait, np.minimum(uncontacted_wait, contact + 10), uncontacted_wait)
    waits = {"order_wait": ordered, "contact_wait": contact}
    columns = {name: pl.Series(np.where(wait < H, wait, np.nan)).fill_nan(None) for name, wait in waits.items()}
    ids = pl.Series([f"{number:06d}" for number in range(CUSTOMERS)])
    return pl.DataFrame({"customer_id": ids, "slow": slow, "churned": (ordered >= H).astype(np.int8), **columns}), float(
        (uncontacted_wait >= H).mean()
    )


@pytest.mark.parametrize("contact_at", ["any day", "after an order"])
def test_the_remaining_rows_churn_as_often_as_all_would_without_contacts(contact_at: str) -> None:
    frame, truth = windows(contact_at)
    kept = untreated_rows(frame, H)
    assert kept.height > 0.4 * CUSTOMERS
    assert kept["churned"].mean() == pytest.approx(truth, abs=0.015)
    naive = frame.filter(pl.col("contact_wait").is_null())["churned"].mean()
    as_is = frame["churned"].mean()
    assert max(abs(naive - truth), abs(as_is - truth)) > 0.05  # type: ignore[operator]  # the mean of numbers is one


def test_where_customers_at_risk_are_contacted_each_kind_shows_its_own_risk() -> None:
    frame, _ = windows("for slow ones")
    risks = untreated_rows(frame, H).group_by("slow").agg(pl.col("churned").mean()).sort("slow")["churned"].to_list()
    assert risks == pytest.approx([np.exp(-H / 60), np.exp(-H / 200)], abs=0.02)


def test_without_contacts_all_rows_are_kept_and_the_order_of_rows_does_not_matter() -> None:
    frame, _ = windows("any day")
    without_contacts = frame.with_columns(contact_wait=pl.lit(None, pl.Float64))
    assert untreated_rows(without_contacts, H).equals(without_contacts)
    reversed_back = untreated_rows(frame.reverse(), H).reverse()
    assert reversed_back.equals(untreated_rows(frame, H))


def test_where_nearly_all_are_contacted_all_are_kept_with_a_note() -> None:
    frame, _ = windows("any day")
    all_contacted = frame.head(1_500).with_columns(contact_wait=pl.lit(0.5))
    snapshot = Snapshot(None, H, all_contacted, None)  # type: ignore[arg-type]  # only the frame is looked at
    kept, note = drop_contacted_windows([snapshot, replace(snapshot, frame=frame.head(100))])
    assert [snapshot.frame.height for snapshot in kept] == [1_500, 100]
    assert note is not None
    assert "of 1,600 customer windows were without a contact" in note
    kept, note = drop_contacted_windows([replace(snapshot, frame=frame)])
    assert note is None
    assert kept[0].frame.height < CUSTOMERS
