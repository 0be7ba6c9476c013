"""`doctor`: what is configured, reachable and fresh, and what to type next."""

import typer

from holdfast.commands.options import DEFAULT_CONFIG, Config
from holdfast.printing.console import CONSOLE
from holdfast.printing.json_output import Json, print_json

NAME = "doctor"
EXAMPLE = "doctor --config demo/holdfast.toml"
EXIT_WRONG = 2


def command(config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:  # noqa: FBT002  # a flag of the command line
    """Look at the configuration, sources, checks, store, secret, champion, scores, disk and version, and say what to do next.

    Nothing is loaded or changed. The exit code is 0 if nothing is wrong, else 2.
    """
    from holdfast.jobs.doctor import examine
    from holdfast.printing.doctor import doctor_json, print_findings

    findings = examine(config)
    if as_json:
        print_json(doctor_json(findings))
    else:
        print_findings(CONSOLE, findings)
    if any(finding.state == "wrong" for finding in findings):
        raise typer.Exit(EXIT_WRONG)
