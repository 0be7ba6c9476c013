from datetime import date

import polars as pl
import pytest

from features.tables.schema import Tables
from models.btyd import BGNBD, GammaGamma
from models.btyd.pair import BuyTillYouDie
from models.errors import PluginError
from models.snapshot import Snapshot
from training.families import configured_families, with_families

DAY = date(2025, 1, 1)
SNAPSHOT = Snapshot(
    DAY,
    90,
    pl.DataFrame({"customer_id": ["b", "a"], "orders": [2, 1]}),
    BuyTillYouDie(BGNBD(1.0, 10.0, 1.0, 2.0), GammaGamma(1.0, 4.0, 30.0)),
)
TABLES = Tables(pl.LazyFrame({"customer_id": ["a"]}))


def weekday(_tables: Tables, as_of: date) -> pl.DataFrame:
    return pl.DataFrame({"customer_id": ["a"], "weekday": [as_of.isoweekday()]})


def twice(_tables: Tables, _as_of: date) -> pl.DataFrame:
    return pl.DataFrame({"customer_id": ["a", "a"], "x": [1, 2]})


def taken(_tables: Tables, _as_of: date) -> pl.DataFrame:
    return pl.DataFrame({"customer_id": ["a"], "orders": [1]})


def nameless(_tables: Tables, _as_of: date) -> pl.DataFrame:
    return pl.DataFrame({"x": [1]})


def test_columns_of_a_family_are_joined_as_of_the_day_of_each_snapshot() -> None:
    families = configured_families((f"{__name__}:weekday",))
    frame = with_families(SNAPSHOT, TABLES, families).frame
    assert frame.rows() == [("b", 2, None), ("a", 1, DAY.isoweekday())]
    assert with_families(SNAPSHOT, TABLES, ()).frame.equals(SNAPSHOT.frame)


@pytest.mark.parametrize(
    ("family", "problem"),
    [
        (twice, "The feature family twice returned several rows for a customer"),
        (taken, "The feature family taken returned a column 'orders', which the features have already"),
        (nameless, "The feature family nameless returned no column customer_id"),
    ],
)
def test_a_frame_that_does_not_fit_is_refused(family: type[object], problem: str) -> None:
    with pytest.raises(PluginError, match=problem):
        with_families(SNAPSHOT, TABLES, (family,))  # type: ignore[arg-type]


def test_an_unknown_reference_is_refused() -> None:
    with pytest.raises(PluginError, match="The feature family 'no_such_module:family' cannot be loaded"):
        configured_families(("no_such_module:family",))
