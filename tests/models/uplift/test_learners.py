from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from models.errors import TooLittleDataError
from models.log_odds import log_odds
from models.uplift.crossfit import CrossFittedEffects, cross_fit, fit_learners
from models.uplift.curves import bootstrap_interval, qini
from models.uplift.experiment import Experiment, refuse_small
from models.uplift.learners import LEARNERS, Uplift

INPUTS = ("x", "z")


def simulate(rows: int = 4_000, share: float = 0.5, *, responds: bool = True, seed: int = 1) -> tuple[Experiment, np.ndarray]:
    """Return an experiment and its true effects: .3 on the probability of staying where x > .5, elsewhere -.1."""
    rng = np.random.default_rng(seed)
    x, z, uniform = rng.random((3, rows))
    effect = np.where(x > 0.5, 0.3, -0.1) if responds else np.zeros(rows)
    treated = rng.random(rows) < share
    stayed = (uniform < 0.3 + 0.2 * z + effect * treated).astype(float)
    experiment = Experiment(
        frame=pl.DataFrame({"x": x, "z": z}),
        unit=np.arange(rows),
        treated=treated,
        propensity=np.full(rows, share),
        risk=0.7 - 0.2 * z,
        stayed=stayed,
        margin=10 * stayed,
    )
    return experiment, effect


@pytest.mark.parametrize("share", [0.5, 0.85])
@pytest.mark.parametrize("name", LEARNERS)
def test_each_learner_finds_who_responds_and_how_much(name: str, share: float) -> None:
    training, _ = simulate(share=share)
    test, effect = simulate(seed=2)
    predicted = fit_learners(training, INPUTS, (name,))[name].effect(test.frame, test.risk)
    assert np.corrcoef(predicted, effect)[0, 1] > 0.8
    assert predicted.mean() == pytest.approx(effect.mean(), abs=0.04)
    assert predicted[effect > 0].mean() == pytest.approx(0.3, abs=0.08)
    assert predicted[effect < 0].mean() == pytest.approx(-0.1, abs=0.08)


@pytest.mark.parametrize("name", LEARNERS)
def test_without_heterogeneity_all_predicted_effects_are_nearly_equal(name: str) -> None:
    experiment, _ = simulate(responds=False)
    predicted = fit_learners(experiment, INPUTS, (name,))[name].effect(experiment.frame, experiment.risk)
    assert predicted.std() < 0.03
    assert predicted.mean() == pytest.approx(0.0, abs=0.04)


@pytest.mark.parametrize("name", LEARNERS)
def test_a_constant_shift_of_the_log_odds_is_recovered(name: str) -> None:
    rng = np.random.default_rng(3)
    risk, noise, uniform = rng.random((3, 8_000))
    treated = rng.random(8_000) < 0.5
    p_stay = 1 / (1 + np.exp(log_odds(risk) - 0.8 * treated))
    stayed = (uniform < p_stay).astype(float)
    experiment = Experiment(
        frame=pl.DataFrame({"x": noise, "z": risk}),
        unit=np.arange(8_000),
        treated=treated,
        propensity=np.full(8_000, 0.5),
        risk=risk,
        stayed=stayed,
        margin=stayed,
    )
    predicted = fit_learners(experiment, INPUTS, (name,))[name].effect(experiment.frame, risk)
    effect = 1 / (1 + np.exp(log_odds(risk) - 0.8)) - (1 - risk)
    assert np.corrcoef(predicted, effect)[0, 1] > 0.8
    almost_lost, undecided = risk > 0.97, (risk > 0.4) & (risk < 0.6)
    assert predicted[almost_lost].mean() < 0.3 * predicted[undecided].mean()


def test_ranks_within_folds_are_unbiased_where_pooled_scores_are_not() -> None:
    """Pooled over folds, the learner that missed the fold with the lowest response predicts most: noise would look like harm."""
    rng = np.random.default_rng(6)
    folds, half = np.repeat([0, 1, 2, 3, 4], 80), np.full(400, 0.5)
    pooled, within = [], []
    for _ in range(200):
        treated, stayed = rng.random(400) < 0.5, (rng.random(400) < 0.5).astype(float)
        training_rows = [folds != fold for fold in range(5)]
        effects = np.array([stayed[rows & treated].mean() - stayed[rows & ~treated].mean() for rows in training_rows])
        score = effects[folds] + 1e-9 * rng.random(400)
        cross_fitted = CrossFittedEffects(effects={}, retention_effect=stayed, margin_effect=stayed, folds=folds)
        pooled.append(qini(score, stayed, treated, half))
        within.append(qini(cross_fitted.rank_within_folds(score), stayed, treated, half))
    error = np.std(within, ddof=1) / np.sqrt(len(within))
    assert abs(np.mean(within)) < 2.5 * error
    assert np.mean(pooled) < -5 * error


def test_ranks_are_of_the_selected_rows() -> None:
    cross_fitted = CrossFittedEffects(
        effects={}, retention_effect=np.zeros(6), margin_effect=np.zeros(6), folds=np.array([0, 0, 0, 1, 1, 1])
    )
    score = np.array([1.0, 3.0, 2.0, 30.0, 10.0, 10.0])
    assert cross_fitted.rank_within_folds(score) == pytest.approx([1 / 3, 1, 2 / 3, 1, 0.5, 0.5])
    selected = np.array([True, True, False, False, True, False])
    assert cross_fitted.rank_within_folds(score, selected) == pytest.approx([0.5, 1, 1])


def test_cross_fitted_effects_do_not_overfit() -> None:
    experiment, _ = simulate(rows=2_000, responds=False)
    cross_fitted = cross_fit(experiment, INPUTS)
    ranks = cross_fitted.rank_within_folds(cross_fitted.effects["t"])
    interval = bootstrap_interval(
        experiment.unit,
        lambda rows: qini(ranks[rows], experiment.stayed[rows], experiment.treated[rows], experiment.propensity[rows]),
        200,
    )
    assert interval.low < 0 < interval.high
    assert cross_fitted.retention_effect.mean() == pytest.approx(0.0, abs=0.05)


@pytest.mark.slow
def test_the_doubly_robust_effects_are_unbiased_in_each_group() -> None:
    experiment, effect = simulate(share=0.8)
    cross_fitted = cross_fit(experiment, INPUTS)
    for group in (effect > 0, effect < 0):
        error = cross_fitted.retention_effect[group].std() / np.sqrt(group.sum())
        assert cross_fitted.retention_effect[group].mean() == pytest.approx(effect[group].mean(), abs=4 * error)
    assert cross_fitted.margin_effect.mean() == pytest.approx(10 * cross_fitted.retention_effect.mean(), rel=0.1)


def test_all_rows_of_a_customer_are_in_one_fold() -> None:
    experiment, _ = simulate(rows=400)
    unit = np.repeat(np.arange(100), 4)
    folds = replace(experiment, unit=unit).folds(5, 1)
    assert all(len(set(folds[unit == customer])) == 1 for customer in range(100))
    assert np.bincount(folds).tolist() == [80] * 5


def test_rescaling_to_sharper_risks_keeps_the_mean_effect() -> None:
    experiment, _ = simulate(rows=1_000)
    model = replace(fit_learners(experiment, INPUTS, ("x",))["x"], slope=0.0, shift=0.1)
    sharper = np.where(experiment.risk > 0.6, 0.95, 0.1)
    rescaled = model.rescaled_for(experiment.risk, sharper)
    mean_effect = model.effect(experiment.frame, experiment.risk).mean()
    assert rescaled.effect(experiment.frame, sharper).mean() == pytest.approx(mean_effect)
    insensitive = model.rescaled_for(experiment.risk, np.ones(1_000))
    assert insensitive.shift == pytest.approx(5 * model.shift)


def test_effects_keep_probabilities_between_zero_and_one() -> None:
    experiment, _ = simulate(rows=1_000)
    strong = replace(fit_learners(experiment, INPUTS, ("x",))["x"], shift=50.0, slope=0.0)
    assert (strong.effect(experiment.frame, experiment.risk) == experiment.risk).all()
    assert (replace(strong, shift=-50.0).effect(experiment.frame, experiment.risk) == experiment.risk - 1).all()


def test_where_all_customers_leave_there_is_no_shift() -> None:
    experiment, _ = simulate(rows=1_000)
    certain = replace(experiment, risk=np.ones(1_000))
    assert fit_learners(certain, INPUTS, ("t",))["t"].shift == 0.0


def test_a_loaded_learner_predicts_the_same(tmp_path: Path) -> None:
    experiment, _ = simulate(rows=1_000)
    model = fit_learners(experiment, INPUTS, ("x",))["x"]
    model.save(tmp_path / "uplift")
    loaded = Uplift.load(tmp_path / "uplift")
    assert np.array_equal(loaded.effect(experiment.frame, experiment.risk), model.effect(experiment.frame, experiment.risk))
    assert (loaded.learner, loaded.inputs) == ("x", INPUTS)


def test_a_small_experiment_is_refused() -> None:
    small, _ = simulate(rows=300)
    with pytest.raises(TooLittleDataError, match="200 contacts per arm with 20 of each outcome; found 1"):
        refuse_small(small.treated, small.stayed)
