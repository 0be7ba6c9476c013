import sys
import time
from threading import current_thread

import numpy as np
import polars as pl
import pytest

from models.btyd import BGNBD
from models.threads import map_in_threads


@pytest.fixture
def _four_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.threads.available_processors", lambda: 4)


@pytest.mark.usefixtures("_four_processors")
def test_results_come_in_the_order_of_the_items_from_several_threads() -> None:
    threads = set()

    def work(item: int) -> int:
        time.sleep(0.01 * (5 - item))
        threads.add(current_thread().name)
        return item * item

    assert map_in_threads(work, range(5)) == [0, 1, 4, 9, 16]
    assert 2 <= len(threads) <= 4


@pytest.mark.usefixtures("_four_processors")
def test_the_first_exception_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        map_in_threads(lambda item: 1 // item, [1, 0, 2])


def test_a_single_item_needs_no_thread() -> None:
    assert map_in_threads(lambda _: current_thread().name, [1]) == [current_thread().name]


@pytest.mark.slow
@pytest.mark.usefixtures("_four_processors")
def test_fits_of_the_reference_package_side_by_side_leave_standard_output_alone() -> None:
    rng = np.random.default_rng(1)
    frequency = rng.poisson(rng.gamma(1.0, 2.0, 300))
    recency = np.where(frequency > 0, rng.uniform(1, 40, 300), 0.0)
    frame = pl.DataFrame({"frequency": frequency, "recency": recency, "T": 40.0})
    stdout = sys.stdout
    models = map_in_threads(lambda _: BGNBD().fit(frame, engine="lifetimes"), range(8))
    assert sys.stdout is stdout
    assert len({model.params["r"] for model in models}) == 1
