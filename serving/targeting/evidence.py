"""What a company's own trials say about the effects that a list assumes, and the range of gain that they leave."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

import polars as pl

from features.frames.arrays import Array
from features.rendering.amounts import format_rough
from models.track_record import TrackRecord
from serving.targeting.expected_gain import ASSUMED, MEASURED, SAVED_VALUE
from settings.sections import Action

EVIDENCE_COLUMNS: dict[str, pl.DataType] = {"evidence": pl.String(), "gain_low": pl.Float64(), "gain_high": pl.Float64()}
LISTED_COLUMNS = ("action", "basis", "p_churn", "value_at_risk", "expected_gain", "action_cost", "averted")


class Verdict(StrEnum):
    """What a trial says about an assumed effect.

    measured: the gain rests on the measured effect itself. supported: the trial's 95 % interval includes the assumed effect and
    excludes zero. weakened: it includes both. contradicted: it excludes the assumed effect. untested: there was no trial.
    """

    MEASURED = "measured"
    SUPPORTED = "supported"
    WEAKENED = "weakened"
    CONTRADICTED = "contradicted"
    UNTESTED = "untested"


SEVERITY = (Verdict.CONTRADICTED, Verdict.WEAKENED, Verdict.UNTESTED, Verdict.SUPPORTED, Verdict.MEASURED)


@dataclass(frozen=True)
class Trial:
    """The measured effect of one contact on the probability of staying, with its 95 % interval, and the number of contacts."""

    contacts: int
    mean: float
    low: float
    high: float

    @classmethod
    def of_response(cls, response: Mapping[str, Any]) -> Self:
        """Return the trial of a champion's response."""
        effect = response["effect"]
        return cls(contacts=response["rows"], mean=effect["mean"], low=effect["low"], high=effect["high"])

    def verdict(self, assumed: float) -> Verdict:
        """Return what the trial says about an assumed effect."""
        if not self.low <= assumed <= self.high:
            return Verdict.CONTRADICTED
        return Verdict.SUPPORTED if self.low > 0 else Verdict.WEAKENED


Trials = Mapping[str, Trial]


def trials_of(responses: Iterable[Mapping[str, Any]], actions: Sequence[Action]) -> dict[str, Trial]:
    """Return the trial of each action that was tried with a control group, by the action's own name."""
    by_contacts_name = {response["action"]: Trial.of_response(response) for response in responses}
    return {action.name: by_contacts_name[action.contacts_name] for action in actions if action.contacts_name in by_contacts_name}


def trials_as_json(trials: Trials) -> dict[str, dict[str, Any]]:
    """Return trials as data for JSON."""
    return {name: asdict(trial) for name, trial in trials.items()}


def trials_from_json(data: Mapping[str, Mapping[str, Any]]) -> dict[str, Trial]:
    """Return the trials that `trials_as_json` wrote."""
    return {name: Trial(**fields) for name, fields in data.items()}


def bounded_effect(effect: float) -> pl.Expr:
    """Return a mean effect as a customer's own: p_churn falls to 0 at most, and rises to 1 at most."""
    return pl.min_horizontal(pl.max_horizontal(pl.lit(effect), pl.col("p_churn") - 1), "p_churn")


@dataclass(frozen=True)
class Evidence:
    """What trials say about the gain of rows: the verdict, and the sum of gains with either end of the measured effects.

    The verdict is the least favourable one of the actions. `low` and `high` are None where no action was tried; rows of other
    actions count with their expected gain. Where the champion was never tested, or cannot rank customers, no gain is promised,
    whatever the trials say.
    """

    verdict: Verdict
    expected_gain: float
    low: float | None
    high: float | None
    sentence: str
    is_promised: bool = True

    @property
    def is_assumed(self) -> bool:
        """Whether the gain must not be stated as one exact figure."""
        return not self.is_promised or self.verdict not in {Verdict.MEASURED, Verdict.SUPPORTED}

    def as_dict(self) -> dict[str, Any]:
        """Return the evidence as data for JSON."""
        return asdict(self) | {"verdict": self.verdict.value, "is_assumed": self.is_assumed}


def verdicts_of(rows: pl.DataFrame, trials: Trials) -> dict[str, Verdict]:
    """Return the verdict on each tried action of treated rows: against the mean effect that they assume."""
    return {name: trial.verdict(assumed) for name, trial, assumed in _assumed_effects(rows, trials)}


def _assumed_effects(rows: pl.DataFrame, trials: Trials) -> list[tuple[str, Trial, float]]:
    """Return each tried action of the rows whose effect is assumed, its trial, and the mean effect that its rows assume."""
    assumed = rows.filter((pl.col("basis") != MEASURED) & pl.col("action").is_in(list(trials)))
    means = assumed.group_by("action").agg(pl.col("averted").mean()).drop_nulls().sort("action")
    return [(name, trials[name], mean) for name, mean in means.iter_rows()]


def with_evidence(rows: pl.DataFrame, trials: Trials, verdicts: Mapping[str, Verdict]) -> pl.DataFrame:
    """Add EVIDENCE_COLUMNS to rows of LISTED_COLUMNS: the verdict on the row's action, and the row's gain at either end.

    The gain is null in rows that no trial is about. A customer who stays is worth value_at_risk / p_churn more.
    """
    verdict = (
        pl.when(pl.col("basis") == MEASURED)
        .then(pl.lit(Verdict.MEASURED.value))
        .otherwise(pl.col("action").replace_strict(_values(verdicts), default=Verdict.UNTESTED.value, return_dtype=pl.String))
    )
    ends = [pl.when(pl.col("basis") != MEASURED).then(_gain_at(trials, end)) for end in ("low", "high")]
    bounds = pl.min_horizontal(*ends).alias("gain_low"), pl.max_horizontal(*ends).alias("gain_high")
    return rows.with_columns(verdict.alias("evidence"), *bounds)


def _values(verdicts: Mapping[str, Verdict]) -> dict[str, str]:
    return {name: verdict.value for name, verdict in verdicts.items()}


def _gain_at(trials: Trials, end: str) -> pl.Expr:
    """Return a row's gain if its contact has the effect at one end of the interval of the action's trial."""
    saved = pl.when(pl.col("p_churn") > 0).then(pl.col("value_at_risk") / pl.col("p_churn")).otherwise(0.0)
    effects = (pl.when(pl.col("action") == name).then(bounded_effect(getattr(trial, end))) for name, trial in trials.items())
    return pl.coalesce(*effects, pl.lit(None, pl.Float64)) * saved - pl.col("action_cost")


def gains_at(frame: pl.DataFrame, actions: Sequence[Action], trials: Trials, end: str) -> Array:
    """Return the gain of each action for each row of a plan's frame, at one end of the trials' effects.

    Actions without a trial, and rows with an effect of their own, keep their expected gain.
    """

    def gain(action: Action) -> pl.Expr:
        expected, trial, own = pl.col(f"gain:{action.name}"), trials.get(action.name), f"averted:{action.name}"
        if trial is None:
            return expected
        at_end = bounded_effect(getattr(trial, end)) * pl.col(SAVED_VALUE) - action.cost
        return at_end if own not in frame.columns else pl.when(pl.col(own).is_null()).then(at_end).otherwise(expected)

    columns = [gain(action).cast(pl.Float64).fill_null(0.0).alias(action.name) for action in actions]
    return frame.select(columns).to_numpy().reshape(frame.height, len(actions))


def list_evidence(
    treated: pl.DataFrame, trials: Trials, currency: str, horizon_days: int, record: TrackRecord | None = None
) -> Evidence:
    """Return the evidence on the treated rows of a list (LISTED_COLUMNS).

    `horizon_days` is the value horizon: over how many days the gain is counted. `record` is that of the champion that scored
    them; its sentence comes first where it supports no gain.
    """
    rows = with_evidence(treated, trials, verdicts_of(treated, trials))
    present = set(rows["evidence"].unique())
    verdict = next((verdict for verdict in SEVERITY if verdict.value in present), Verdict.UNTESTED)
    tested = rows.filter(pl.col("gain_low").is_not_null())
    low, high = (float(rows.select(pl.coalesce(name, "expected_gain").sum()).item()) for name in ("gain_low", "gain_high"))
    gain = float(rows["expected_gain"].sum())
    is_tested = tested.height > 0
    words = _sentence(rows, trials, verdict)
    if is_tested:
        words = f"{words} {range_sentence(gain, low, high, f'{currency} over {horizon_days} days')}"
    is_promised = record is None or record.supports_gains
    if record is not None and not is_promised and not rows.is_empty():
        words = f"{record.sentence} {words}"
    return Evidence(verdict, gain, low if is_tested else None, high if is_tested else None, words, is_promised)


def _sentence(rows: pl.DataFrame, trials: Trials, verdict: Verdict) -> str:
    if rows.is_empty():
        return "There is no customer to act on, so there is no gain to judge."
    if verdict is Verdict.MEASURED:
        return "The expected gain rests on the measured effect of past contacts with a control group."
    sentences = [_trial_sentence(name, trial, assumed) for name, trial, assumed in _assumed_effects(rows, trials)]
    untested = sorted(set(rows.filter(evidence=Verdict.UNTESTED.value)["action"].drop_nulls()))
    if untested:
        names = " and ".join(name.replace("_", " ") for name in untested)
        sentences.append(f"The effect of {names} is assumed: no past contacts with a control group tested it.")
    return " ".join(sentences)


def trial_sentences(scores: pl.DataFrame, trials: Trials) -> list[str]:
    """Return what each trial says about the assumed effect of the actions that scores recommend (SCORE_COLUMNS)."""
    saved = pl.col("value_if_stays") - pl.col("value_if_leaves")
    averted = pl.when(saved > 0).then((pl.col("expected_gain") + pl.col("action_cost")) / saved)
    rows = scores.select("action", pl.lit(ASSUMED).alias("basis"), averted.alias("averted"))
    return [_trial_sentence(name, trial, assumed) for name, trial, assumed in _assumed_effects(rows, trials)]


TRIAL_WORDS = {
    Verdict.CONTRADICTED: "the trial contradicts the assumption",
    Verdict.WEAKENED: "the trial does not show that it works",
    Verdict.SUPPORTED: "the trial agrees",
}


def _trial_sentence(name: str, trial: Trial, assumed: float) -> str:
    low, mean, high = (points(value) for value in (trial.low, trial.mean, trial.high))
    return (
        f"The effect of {name.replace('_', ' ')} is assumed: {points(assumed)} points of retention per contact. "
        f"{trial.contacts:,} own contacts with a control group showed {mean} [{low}, {high}]: "
        f"{TRIAL_WORDS[trial.verdict(assumed)]}."
    )


def points(effect: float) -> str:
    """Return an effect in percentage points with its sign; zero has none."""
    text = f"{100 * effect:+.1f}"
    return "0.0" if text in {"+0.0", "-0.0"} else text


def range_sentence(gain: float, low: float, high: float, unit: str) -> str:
    """Return the assumed gain beside the range that the measured effect leaves, all with two digits."""
    lowest, highest = sorted((low, high))
    return (
        f"Assumed: about {format_rough(gain)} {unit}. By the measured effect: {format_rough(lowest)} to {format_rough(highest)}."
    )
