"""`inspect`: what is in the tables, and which windows fit them."""

import typer

from holdfast.commands.options import DEFAULT_CONFIG, AsOf, Config
from holdfast.printing.console import CONSOLE

NAME = "inspect"
EXAMPLE = "inspect --config demo/holdfast.toml"
MARKS = [30, 60, 90, 180, 270, 365, 540, 730]


def command(config: Config = DEFAULT_CONFIG, as_of: AsOf = None) -> None:
    """Profile the tables, and propose a churn horizon and an activity window, with the evidence for both."""
    from features.windows import churn_windows, order_gaps, propose_windows, share_returned
    from holdfast.jobs.session import open_session
    from holdfast.printing.checks import print_reports
    from holdfast.printing.gap_chart import draw_gaps
    from holdfast.printing.tables import print_profile, print_returns

    session = open_session(config, as_of)
    print_reports(CONSOLE, session.reports)
    print_profile(CONSOLE, session.tables)
    silent = order_gaps(session.tables, session.as_of)
    if silent.filter("ended").is_empty():
        CONSOLE.print("No customer has bought twice: nothing can be proposed from the times between purchases.")
        raise typer.Exit(0)
    proposal, now = propose_windows(silent), churn_windows(session.settings.churn, session.tables, session.as_of)
    path = session.settings.workspace.path / "inspect" / "gaps.png"
    draw_gaps(silent, proposal, path)
    print_returns(CONSOLE, share_returned(silent, sorted({*MARKS, proposal.horizon_days, proposal.active_days})))
    horizon, active = proposal.horizon_days, proposal.active_days
    CONSOLE.print(f"Proposed churn.horizon_days = {horizon} (now {now.horizon_days}): 80 % of the next purchases come within it.")
    CONSOLE.print(
        f"Proposed churn.active_days = {active} (now {now.active_days}): after such a silence hardly anybody comes back."
    )
    CONSOLE.print(f"The gaps as a picture: {path}")
