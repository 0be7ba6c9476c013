"""Who takes part in a training or comparison, and on how many past days."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import NamedTuple, Self, TypeVar

from models.churn.blend import BlendCandidate
from models.churn.hybrid import DEFAULT_TREES, HybridCandidate
from models.churn.protocol import Candidate
from models.errors import PluginError
from models.plugins import load_reference
from models.registry import BASELINE, CANDIDATES, NEVER_SERVING, REFERENCES, VALUE_BASELINE, VALUE_CANDIDATES, candidates
from models.trees.training import SEED, TreeParams
from models.value.baselines import ORDER_MODELS
from models.value.protocol import ValueCandidate
from settings.sections import Training

Contestant = TypeVar("Contestant", Candidate, ValueCandidate)
ALL = "all"
DEFAULT_CHURN = tuple(candidate for candidate in CANDIDATES if candidate.name not in REFERENCES)
DEFAULT_VALUE = tuple(candidate for candidate in VALUE_CANDIDATES if candidate.name not in REFERENCES)
QUICK_ORIGINS = 2
QUICK_CHURN, QUICK_VALUE = ("base_rate", "hybrid", "order_average", "order_model"), ("hybrid",)
ALWAYS = {BASELINE.name, VALUE_BASELINE.name, ORDER_MODELS.name}  # the measures of all others, and what serves without them


class Contestants(NamedTuple):
    """The candidates for churn and value, which churn candidates never serve, the number of past days, and groups for metrics.

    `segments` are columns of the features whose values group the metrics of the leaderboard.
    """

    churn: tuple[Candidate, ...] = DEFAULT_CHURN
    value: tuple[ValueCandidate, ...] = DEFAULT_VALUE
    never_serving: frozenset[str] = frozenset(NEVER_SERVING)
    origins: int = 4
    segments: tuple[str, ...] = ()

    def without(self, columns: Collection[str]) -> Self:
        """Return the contestants without those of these columns, `p:<name>` or `value:<name>`."""
        churn = tuple(candidate for candidate in self.churn if f"p:{candidate.name}" not in columns)
        value = tuple(candidate for candidate in self.value if f"value:{candidate.name}" not in columns)
        return self._replace(churn=churn, value=value)


def choose_contestants(
    training: Training, trees: TreeParams = DEFAULT_TREES, *, quick: bool = False, names: Sequence[str] = ()
) -> Contestants:
    """Return the contestants of a configuration, and always the naive baselines.

    Where it names none, all take part but those fitted by the reference package; the name "all" brings these back. `names` of
    churn candidates replace those of the configuration, and "all" means the value candidates too. `trees` are the parameters of
    the hybrid. `quick` keeps the fewest candidates that serve well, on two past days. Raises PluginError for an unknown name, and
    for a reference that names no candidate.
    """
    churn = candidates(HybridCandidate(trees))
    value_names = (ALL,) if ALL in names else training.value_candidates
    names, value_names = (QUICK_CHURN, QUICK_VALUE) if quick else (names or training.candidates, value_names)
    chosen, value = _chosen(churn, names, "candidates"), _chosen(VALUE_CANDIDATES, value_names, "value_candidates")
    references = {candidate.name for candidate in chosen} - {candidate.name for candidate in churn}
    return Contestants(
        churn=tuple(_seeded(candidate, training.seed) for candidate in chosen),
        value=tuple(_seeded(candidate, training.seed) for candidate in value),
        never_serving=frozenset(NEVER_SERVING | references),
        origins=QUICK_ORIGINS if quick else training.origins,
        segments=training.segments,
    )


def _chosen(known: Sequence[Contestant], names: Sequence[str], key: str) -> list[Contestant]:
    """Return the named candidates and the baselines, in the order of `known`, then those of references."""
    if not names:
        return [candidate for candidate in known if candidate.name not in REFERENCES]
    references = [name for name in names if ":" in name]
    plain = {name for name in names if ":" not in name}
    if ALL in plain:
        plain = plain - {ALL} | {candidate.name for candidate in known}
    unknown = sorted(plain - {candidate.name for candidate in known})
    if unknown:
        there = ", ".join(candidate.name for candidate in known)
        raise PluginError(
            f"training.{key} names {unknown[0]!r}; there are {there}, {ALL}, and references such as my_module:Candidate."
        )
    kept = [candidate for candidate in known if candidate.name in plain | ALWAYS]
    return kept + [load_reference(reference) for reference in references]


def _seeded(candidate: Contestant, seed: int) -> Contestant:
    """Return the candidate with another seed for its trees; one without trees stays as it is."""
    if seed == SEED:
        return candidate
    if isinstance(candidate, BlendCandidate):
        members = tuple(replace(member, candidate=_seeded(member.candidate, seed)) for member in candidate.members)
        return replace(candidate, members=members)
    trees = getattr(candidate, "trees", None)
    return replace(candidate, trees=replace(trees, seed=seed)) if isinstance(trees, TreeParams) else candidate  # type: ignore[type-var]
