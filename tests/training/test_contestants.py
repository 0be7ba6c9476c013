from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import polars as pl
import pytest

from models import plugins
from models.churn.blend import BlendCandidate
from models.errors import PluginError
from models.registry import CANDIDATES, VALUE_CANDIDATES, candidates
from models.trees.training import TreeParams
from settings.sections import Settings, TableSources, Training, Workspace
from training.contestants import Contestants, choose_contestants
from training.train import configured_contestants
from training.tree_params import TreeParamsError


@dataclass(frozen=True)
class Own:
    """A candidate of somebody else."""

    name: str = "own"

    def fit(self, _snapshots: list[object], _current: pl.DataFrame) -> None:
        raise NotImplementedError


NO_CANDIDATE = 3


def names(contestants: Contestants) -> tuple[list[str], list[str]]:
    return [candidate.name for candidate in contestants.churn], [candidate.name for candidate in contestants.value]


def test_without_names_all_take_part_but_those_of_the_reference_package() -> None:
    chosen = choose_contestants(Training())
    everyone = [c.name for c in CANDIDATES], [c.name for c in VALUE_CANDIDATES]
    default = names(chosen)
    assert [name for name in everyone[0] if name not in default[0]] == ["bgnbd_of_lifetimes"]
    assert [name for name in everyone[1] if name not in default[1]] == ["bgnbd_gamma_gamma_of_lifetimes"]
    assert (chosen.origins, chosen.never_serving) == (4, {"bgnbd_of_lifetimes"})
    assert names(choose_contestants(Training(), names=("all",))) == everyone
    assert names(choose_contestants(Training(candidates=("all",), value_candidates=("all",)))) == everyone


def test_names_of_the_command_line_replace_those_of_the_configuration() -> None:
    chosen = choose_contestants(Training(candidates=("blend",), value_candidates=("hybrid",)), names=("hybrid",))
    assert names(chosen) == (["recency_rule", "hybrid"], ["same_as_last_period", "bgnbd_gamma_gamma", "hybrid"])


def test_named_ones_take_part_with_the_baselines_and_references_never_serve() -> None:
    training = Training(candidates=("hybrid", f"{__name__}:Own"), value_candidates=("hybrid",), origins=2, segments=("region",))
    chosen = choose_contestants(training)
    assert names(chosen) == (["recency_rule", "hybrid", "own"], ["same_as_last_period", "bgnbd_gamma_gamma", "hybrid"])
    assert "own" in chosen.never_serving
    assert (chosen.origins, chosen.segments) == (2, ("region",))


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("hybird", "training.candidates names 'hybird'; there are base_rate, recency_rule"),
        ("no.such.module:Candidate", "The candidate 'no.such.module:Candidate' cannot be loaded: No module named 'no'"),
        (f"{__name__}:Missing", "cannot be loaded: module"),
        (f"{__name__}:NO_CANDIDATE", "is no candidate: it needs a `name` and a method"),
    ],
)
def test_an_unknown_name_or_reference_is_refused_in_a_sentence(name: str, problem: str) -> None:
    with pytest.raises(PluginError, match=problem.replace("(", r"\(")):
        choose_contestants(Training(candidates=(name,)))


def test_candidates_of_installed_packages_take_part_and_may_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    point = metadata.EntryPoint("own", f"{__name__}:Own", plugins.GROUP)
    monkeypatch.setattr(plugins, "entry_points", lambda group: [point] if group == plugins.GROUP else [])
    plugins.installed_candidates.cache_clear()
    try:
        assert candidates()[-1] == Own()
    finally:
        monkeypatch.undo()
        plugins.installed_candidates.cache_clear()
    assert "own" not in choose_contestants(Training()).never_serving


def test_the_seed_reaches_all_trees() -> None:
    chosen = choose_contestants(Training(seed=11), TreeParams(seed=11))
    blend = next(candidate for candidate in chosen.churn if isinstance(candidate, BlendCandidate))
    with_trees = [*chosen.churn, *chosen.value, *(member.candidate for member in blend.members)]
    seeds = {candidate.trees.seed for candidate in with_trees if hasattr(candidate, "trees")}
    assert seeds == {11}


def test_quick_keeps_a_few_and_the_configured_trees_are_read(tmp_path: Path) -> None:
    file = tmp_path / "trees.json"
    file.write_text('{"num_leaves": 5}')
    settings = Settings(TableSources("t.csv"), Workspace(tmp_path), training=Training(trees=file))
    chosen = configured_contestants(settings, quick=True)
    assert names(chosen)[0] == ["base_rate", "recency_rule", "hybrid", "order_average", "order_model"]
    assert chosen.origins == 2
    assert next(c for c in chosen.churn if c.name == "hybrid").trees.num_leaves == 5  # type: ignore[attr-defined]
    file.unlink()
    with pytest.raises(TreeParamsError, match="cannot be read: No such file"):
        configured_contestants(settings)
