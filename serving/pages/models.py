"""Models: which champion scores, how good it is beside its named baseline, how true its probabilities are, how fresh."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from models.champion import Champion
from models.errors import NoChampionError
from models.registry import BASELINE
from serving.http.auth import state_in
from serving.http.errors import ApiError
from serving.http.paths import UI
from serving.http.state import ServiceState, utc_now
from serving.pages import charts
from serving.pages.render import page, picture
from serving.pages.session import SIGNED_IN
from serving.store.runs import run_if_any

ROUTES = APIRouter(include_in_schema=False, dependencies=[SIGNED_IN])


@ROUTES.get(f"{UI}/models")
def models(request: Request) -> Response:
    """Show the champion and the run."""
    state = state_in(request)
    champion = _champion(state)
    run = run_if_any(state.engine)
    today = utc_now().date()
    return page(
        request,
        "models",
        champion=champion,
        backtest_metrics={} if champion is None else _grade(champion),
        baseline=BASELINE.name,
        run=run,
        stale=run is not None and state.is_stale(run, today),
        age=None if run is None else (today - run.as_of).days,
        fresh_days=state.settings.serving.stale_after_days,
        others=[] if champion is None else _others(champion),
    )


def _champion(state: ServiceState) -> Champion | None:
    try:
        return state.champion()
    except (NoChampionError, OSError):  # what CURRENT names may not have come to this machine yet
        return None


def _grade(champion: Champion) -> dict[str, Any]:
    """The grade, and by how much the champion's log-loss is below the baseline's."""
    grade: dict[str, Any] = dict(champion.backtest_metrics)
    return grade | {"better": 1 - grade["log_loss"] / grade["baseline_log_loss"]} if grade else grade


def _others(champion: Champion) -> list[tuple[str, bool]]:
    """Every other candidate, and whether the champion is surely better."""
    above = {name.removeprefix("above_"): value for name, value in champion.backtest_metrics.items() if name.startswith("above_")}
    return [(name, value < 0) for name, value in above.items()]


@ROUTES.get(f"{UI}/charts/calibration.svg")
def calibration_chart(request: Request) -> Response:
    """Draw how far the champion's probabilities are frequencies."""
    champion = _champion(state_in(request))
    if champion is None or not champion.reliability:
        raise ApiError(404, "There is no such picture.")
    return picture(charts.calibration(champion.reliability))
