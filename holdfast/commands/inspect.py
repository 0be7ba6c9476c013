"""`inspect`: profile the tables and propose churn windows."""

from typing import TYPE_CHECKING

from holdfast.commands.options import DEFAULT_CONFIG, AsOf, Config
from holdfast.printing.console import CONSOLE

if TYPE_CHECKING:
    from holdfast.jobs.session import Session

NAME = "inspect"
EXAMPLE = "inspect --config demo/holdfast.toml"
GAP_DAYS = [30, 60, 90, 180, 270, 365, 540, 730]


def command(config: Config = DEFAULT_CONFIG, as_of: AsOf = None) -> None:
    """Profile the tables, show how cohorts come back, and propose a churn horizon and an activity window, with the evidence."""
    from features.cohorts import cohort_period, cohort_retention
    from features.windows import log_days
    from holdfast.jobs.session import open_session
    from holdfast.printing.checks import print_note, print_reports
    from holdfast.printing.tables import print_cohorts, print_profile

    with open_session(config, as_of) as session:
        print_note(session.note)
        print_reports(CONSOLE, session.reports, in_full=True)
        print_profile(CONSOLE, session.tables)
        period = cohort_period(log_days(session.tables, session.as_of))
        print_cohorts(CONSOLE, cohort_retention(session.tables, session.as_of, period), period)
        _propose_windows(session)


def _propose_windows(session: "Session") -> None:
    from features.windows import churn_windows, log_days, order_gaps, propose_windows, share_returned
    from holdfast.printing.gap_chart import draw_order_gaps
    from holdfast.printing.tables import print_proposal, print_return_rates

    gaps, days_of_log = order_gaps(session.tables, session.as_of), log_days(session.tables, session.as_of)
    proposal = propose_windows(gaps, days_of_log)
    if proposal is None:
        CONSOLE.print(
            "No customer has bought again, so there are no gaps between purchases to derive windows from, and no model can be "
            "fitted yet: `train` and `run` list the customers by recency and value."
        )
        return
    path = session.settings.workspace.path / "inspect" / "gaps.png"
    draw_order_gaps(gaps, proposal, path)
    marks = sorted({*GAP_DAYS, proposal.windows.horizon_days, proposal.windows.active_days})
    print_return_rates(CONSOLE, share_returned(gaps, marks))
    print_proposal(CONSOLE, proposal, churn_windows(session.settings.churn, session.tables, session.as_of), days_of_log)
    CONSOLE.print(f"Chart of the gaps: {path}")
