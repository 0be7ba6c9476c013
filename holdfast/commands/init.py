"""`init`: recognise a shop's export and write its configuration."""

from pathlib import Path
from typing import Annotated

import typer

from holdfast.printing.console import CONSOLE

NAME = "init"
EXAMPLE = "init orders_export.csv"
EXIT_INCOMPLETE = 2

Places = Annotated[
    list[str], typer.Argument(metavar="FILE...", help="Files of an export (CSV, XLSX, Parquet), or the URL of a database.")
]
Out = Annotated[Path, typer.Option("--out", "-o", help="Configuration file to write.")]
Force = Annotated[bool, typer.Option("--force", help="Replace the configuration file if it exists.")]


def command(files: Places, out: Out = Path("holdfast.toml"), force: Force = False) -> None:  # noqa: FBT002  # a flag of the command line
    """Recognise a shop's export, and write a configuration with a comment for each guess.

    Known are exports of Shopify, WooCommerce, Magento, PrestaShop, Stripe, Square and Amazon, files like those of Olist, logs of
    events, and others by the names and cells of their columns. What the export does not tell is printed. The files are read,
    never changed. The exit code is 2 if a required column was not found.
    """
    from holdfast.exports.write import write_configuration
    from holdfast.printing.exports import print_proposal

    proposal, totals = write_configuration(files, out, replaces=force)
    print_proposal(CONSOLE, proposal, totals, out)
    if proposal.missing or not totals.orders:
        raise typer.Exit(EXIT_INCOMPLETE)
