import numpy as np
import pandas as pd
import polars as pl
import pytest

from models.btyd import BGNBD, MBGCNBD, GammaGamma
from models.btyd.covariates import Covariate
from models.errors import InvalidHistoriesError, NotFittedError

HISTORIES = pl.DataFrame(
    {
        "frequency": [0.0, 1.0, 2.0, 4.0, 0.0, 3.0] * 40,
        "recency": [0.0, 10.0, 30.0, 60.0, 0.0, 21.0] * 40,
        "T": [40.0, 50.0, 60.0, 70.0, 12.0, 90.0] * 40,
        "monetary_value": [None, 10.0, 30.0, 22.0, None, 90.0] * 40,
    }
)


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (BGNBD(r=0.24259, alpha=4.4136, a=0.79291, b=2.4259), "BGNBD(r=0.2426, alpha=4.414, a=0.7929, b=2.426)"),
        (MBGCNBD(r=1.2, alpha=20.0, a=0.6, b=2.5, k=3), "MBGCNBD(k=3, r=1.2, alpha=20, a=0.6, b=2.5)"),
        (
            BGNBD(r=0.2, alpha=4.0, a=0.8, b=2.0, covariates=(Covariate("rate", "online", coefficient=0.5),)),
            "BGNBD(r=0.2, alpha=4, a=0.8, b=2, rate:online=0.5)",
        ),
        (BGNBD(), "BGNBD()"),
        (GammaGamma(), "GammaGamma()"),
    ],
)
def test_a_model_shows_its_parameters(model: BGNBD, text: str) -> None:
    assert repr(model) == text


def test_the_summary_has_estimates_errors_and_intervals(cdnow_weeks: pl.DataFrame) -> None:
    model = BGNBD().fit(cdnow_weeks)
    summary = model.summary()
    assert summary["parameter"].to_list() == ["r", "alpha", "a", "b"]
    assert summary["estimate"].to_list() == pytest.approx(list(model.params.values()))
    assert summary["standard_error"].to_list() == pytest.approx(list(model.standard_errors.values()), rel=1e-6)
    assert ((summary["low"] < summary["estimate"]) & (summary["estimate"] < summary["high"]) & (summary["low"] > 0)).all()


def test_parameters_set_by_hand_have_no_errors_and_an_unfitted_model_has_no_summary() -> None:
    by_hand = GammaGamma(p=6.0, q=4.0, gamma=15.0).summary()
    assert by_hand["estimate"].to_list() == pytest.approx([6.0, 4.0, 15.0])
    assert by_hand.select("standard_error", "low", "high").null_count().row(0) == (3, 3, 3)
    with pytest.raises(NotFittedError):
        GammaGamma().summary()


@pytest.mark.parametrize("model", [BGNBD(), GammaGamma()])
def test_a_frame_of_pandas_is_refused_with_the_way_to_convert_it(model: BGNBD) -> None:
    with pytest.raises(InvalidHistoriesError, match=r"polars DataFrame, found pandas DataFrame; `polars\.from_pandas\(frame\)`"):
        model.fit(HISTORIES.to_pandas())
    with pytest.raises(InvalidHistoriesError, match=r"found polars LazyFrame; call `\.collect\(\)` on it"):
        model.fit(HISTORIES.lazy())  # type: ignore[arg-type]
    converted = pl.from_pandas(pd.DataFrame(HISTORIES.to_dict(as_series=False)))
    assert np.isfinite(list(model.fit(converted).params.values())).all()
