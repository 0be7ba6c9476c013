"""The page of models: the champion, its accuracy beside the baseline, its calibration, its measured effects, and freshness."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from models.champion import Champion
from models.errors import ChampionError, DamagedChampionError
from models.registry import BASELINE
from serving.http.auth import get_state
from serving.http.declared_parameters import DeclaredRoute
from serving.http.errors import ApiError
from serving.http.paths import UI
from serving.http.state import ServiceState
from serving.pages import charts
from serving.pages.render import page, svg_response
from serving.pages.session import SIGNED_IN
from serving.store.runs import find_current_run

ROUTES = APIRouter(route_class=DeclaredRoute, include_in_schema=False, dependencies=[SIGNED_IN])
BOUND_PREFIX = "above_"


@ROUTES.get(f"{UI}/models")
def models(request: Request) -> Response:
    """Show the champion and the current run."""
    state = get_state(request)
    champion = _champion(state)
    run = find_current_run(state.engine)
    today = state.today
    return page(
        request,
        "models",
        champion=champion,
        problem=None if champion else _problem(state),
        backtest_metrics={} if champion is None else _backtest_metrics(champion),
        baseline=BASELINE.name,
        run=run,
        stale=run is not None and state.is_stale(run, today),
        age=None if run is None else (today - run.as_of).days,
        max_age=state.settings.serving.stale_after_days,
        candidates_beaten=[] if champion is None else _candidates_beaten(champion),
    )


def _champion(state: ServiceState) -> Champion | None:
    try:
        return state.champion()
    except ChampionError:
        return None


def _problem(state: ServiceState) -> str | None:
    """Return why the champion cannot be read; None if there is none yet, or one that can be read."""
    try:
        state.champion()
    except DamagedChampionError as error:
        return str(error)
    except ChampionError:
        pass
    return None


def _backtest_metrics(champion: Champion) -> dict[str, Any]:
    """Return the backtest metrics with `improvement`, the relative reduction in log-loss against the baseline."""
    metrics: dict[str, Any] = dict(champion.backtest_metrics)
    return metrics | {"improvement": 1 - metrics["log_loss"] / metrics["baseline_log_loss"]} if metrics else metrics


def _candidates_beaten(champion: Champion) -> list[str]:
    """Return the candidates with a significantly higher log-loss than the champion (95 %).

    `above_<name>` is the upper bound of the interval of the champion's log-loss minus that of the candidate.
    """
    return [
        name.removeprefix(BOUND_PREFIX)
        for name, upper_bound in champion.backtest_metrics.items()
        if name.startswith(BOUND_PREFIX) and upper_bound < 0
    ]


@ROUTES.get(f"{UI}/charts/calibration.svg")
def calibration_chart(request: Request) -> Response:
    """Draw the calibration of the champion: the predicted share of churners against the actual share."""
    champion = _champion(get_state(request))
    if champion is None or not champion.reliability:
        raise ApiError(404, "There is no such chart.")
    return svg_response(charts.calibration_chart(champion.reliability))
