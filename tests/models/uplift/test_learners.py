from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from models.errors import TooLittleDataError
from models.log_odds import log_odds
from models.uplift.crossfit import Unseen, cross_fitted, learned
from models.uplift.curves import qini, resampled
from models.uplift.experiment import Experiment, refuse_small
from models.uplift.learners import LEARNERS, Uplift

INPUTS = ("x", "z")


def trial(rows: int = 4_000, share: float = 0.5, *, responds: bool = True, seed: int = 1) -> tuple[Experiment, np.ndarray]:
    """Where x is above a half, treating adds .3 to the chance of staying; elsewhere it takes .1 away."""
    rng = np.random.default_rng(seed)
    x, z, luck = rng.random((3, rows))
    effect = np.where(x > 0.5, 0.3, -0.1) if responds else np.zeros(rows)
    treated = rng.random(rows) < share
    stayed = (luck < 0.3 + 0.2 * z + effect * treated).astype(float)
    frame = pl.DataFrame({"x": x, "z": z})
    return Experiment(frame, np.arange(rows), treated, np.full(rows, share), 0.7 - 0.2 * z, stayed, 10 * stayed), effect


@pytest.mark.parametrize("share", [0.5, 0.85])
@pytest.mark.parametrize("name", LEARNERS)
def test_each_learner_finds_who_responds_and_how_much(name: str, share: float) -> None:
    seen, _ = trial(share=share)
    unseen, effect = trial(seed=2)
    found = learned(seen, INPUTS, (name,))[name].effect(unseen.frame, unseen.risk)
    assert np.corrcoef(found, effect)[0, 1] > 0.8
    assert found.mean() == pytest.approx(effect.mean(), abs=0.04)
    assert found[effect > 0].mean() == pytest.approx(0.3, abs=0.08)
    assert found[effect < 0].mean() == pytest.approx(-0.1, abs=0.08)


@pytest.mark.parametrize("name", LEARNERS)
def test_where_nobody_differs_everybody_has_nearly_the_same_effect(name: str) -> None:
    seen, _ = trial(responds=False)
    found = learned(seen, INPUTS, (name,))[name].effect(seen.frame, seen.risk)
    assert found.std() < 0.03
    assert found.mean() == pytest.approx(0.0, abs=0.04)


@pytest.mark.parametrize("name", LEARNERS)
def test_one_shift_of_all_log_odds_is_found_where_there_is_room(name: str) -> None:
    rng = np.random.default_rng(3)
    risk, z, luck = rng.random((3, 8_000))
    treated = rng.random(8_000) < 0.5
    stays = 1 / (1 + np.exp(log_odds(risk) - 0.8 * treated))
    stayed = (luck < stays).astype(float)
    seen = Experiment(pl.DataFrame({"x": z, "z": risk}), np.arange(8_000), treated, np.full(8_000, 0.5), risk, stayed, stayed)
    found = learned(seen, INPUTS, (name,))[name].effect(seen.frame, risk)
    truth = 1 / (1 + np.exp(log_odds(risk) - 0.8)) - (1 - risk)
    assert np.corrcoef(found, truth)[0, 1] > 0.8
    gone, wavering = risk > 0.97, (risk > 0.4) & (risk < 0.6)
    assert found[gone].mean() < 0.3 * found[wavering].mean()


def test_no_fold_is_set_against_another() -> None:
    """Pooled over folds, the learner of the fold that responded least says most: chance would look like harm."""
    rng = np.random.default_rng(6)
    folds, half = np.repeat([0, 1, 2, 3, 4], 80), np.full(400, 0.5)
    pooled, within = [], []
    for _ in range(200):
        treated, stayed = rng.random(400) < 0.5, (rng.random(400) < 0.5).astype(float)
        others = [folds != fold for fold in range(5)]
        said = np.array([stayed[rows & treated].mean() - stayed[rows & ~treated].mean() for rows in others])
        score = said[folds] + 1e-9 * rng.random(400)
        pooled.append(qini(score, stayed, treated, half))
        within.append(qini(Unseen({}, stayed, stayed, folds).ranked(score), stayed, treated, half))
    error = np.std(within, ddof=1) / np.sqrt(len(within))
    assert abs(np.mean(within)) < 2.5 * error
    assert np.mean(pooled) < -5 * error


def test_places_are_told_of_the_rows_asked_for() -> None:
    unseen = Unseen({}, np.zeros(6), np.zeros(6), np.array([0, 0, 0, 1, 1, 1]))
    score = np.array([1.0, 3.0, 2.0, 30.0, 10.0, 10.0])
    assert unseen.ranked(score) == pytest.approx([1 / 3, 1, 2 / 3, 1, 0.5, 0.5])
    asked = np.array([True, True, False, False, True, False])
    assert unseen.ranked(score, asked) == pytest.approx([0.5, 1, 1])


def test_effects_are_of_rows_that_the_learner_had_not_seen() -> None:
    nothing, _ = trial(rows=2_000, responds=False)
    unseen = cross_fitted(nothing, INPUTS)
    places = unseen.ranked(unseen.effects["t"])
    found = resampled(
        nothing.unit,
        lambda rows: qini(places[rows], nothing.stayed[rows], nothing.treated[rows], nothing.propensity[rows]),
        200,
    )
    assert found.low < 0 < found.high
    assert unseen.stays.mean() == pytest.approx(0.0, abs=0.05)


def test_the_doubly_robust_effects_are_right_on_average_whatever_is_asked() -> None:
    some, effect = trial(share=0.8)
    unseen = cross_fitted(some, INPUTS)
    for part in (effect > 0, effect < 0):
        error = unseen.stays[part].std() / np.sqrt(part.sum())
        assert unseen.stays[part].mean() == pytest.approx(effect[part].mean(), abs=4 * error)
    assert unseen.money.mean() == pytest.approx(10 * unseen.stays.mean(), rel=0.1)


def test_all_rows_of_a_customer_are_in_one_fold() -> None:
    some, _ = trial(rows=400)
    unit = np.repeat(np.arange(100), 4)
    folds = Experiment(some.frame, unit, some.treated, some.propensity, some.risk, some.stayed, some.money).folds(5, 1)
    assert all(len(set(folds[unit == each])) == 1 for each in range(100))
    assert np.bincount(folds).tolist() == [80] * 5


def test_sharper_risks_leave_less_room_and_the_mean_effect_is_the_same() -> None:
    some, _ = trial(rows=1_000)
    model = replace(learned(some, INPUTS, ("x",))["x"], slope=0.0, shift=0.1)
    sharper = np.where(some.risk > 0.6, 0.95, 0.1)
    served = model.served_on(some.risk, sharper)
    assert served.effect(some.frame, sharper).mean() == pytest.approx(model.effect(some.frame, some.risk).mean())
    nowhere = model.served_on(some.risk, np.ones(1_000))
    assert nowhere.shift == pytest.approx(5 * model.shift)


def test_no_effect_goes_beyond_what_is_left() -> None:
    some, _ = trial(rows=1_000)
    strong = replace(learned(some, INPUTS, ("x",))["x"], shift=50.0, slope=0.0)
    assert (strong.effect(some.frame, some.risk) == some.risk).all()
    assert (replace(strong, shift=-50.0).effect(some.frame, some.risk) == some.risk - 1).all()


def test_where_everybody_leaves_there_is_no_shift() -> None:
    some, _ = trial(rows=1_000)
    certain = replace(some, risk=np.ones(1_000))
    assert learned(certain, INPUTS, ("t",))["t"].shift == 0.0


def test_what_was_saved_says_the_same(tmp_path: Path) -> None:
    some, _ = trial(rows=1_000)
    model = learned(some, INPUTS, ("x",))["x"]
    model.save(tmp_path / "uplift")
    again = Uplift.load(tmp_path / "uplift")
    assert np.array_equal(again.effect(some.frame, some.risk), model.effect(some.frame, some.risk))
    assert (again.learner, again.inputs) == ("x", INPUTS)


def test_a_small_trial_is_refused_in_words() -> None:
    small, _ = trial(rows=300)
    with pytest.raises(TooLittleDataError, match="200 contacts an arm with 20 of each outcome; found 1"):
        refuse_small(small)
