"""`demo`: the main job end to end on embedded data."""

from pathlib import Path
from typing import Annotated

import typer

from holdfast.demo.shops import ShopName, lay_out
from holdfast.printing.console import CONSOLE

NAME = "demo"
EXAMPLE = "demo --dir demo --shop simulated --customers 5000"

Dir = Annotated[Path, typer.Option("--dir", help="Folder to work in; emptied if an earlier demo made it.")]
Customers = Annotated[int, typer.Option("--customers", min=1, help="Customers of the simulated shop.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of the simulated shop.")]
Weeks = Annotated[int, typer.Option("--weeks", min=1, max=520, help="Weeks of history of the simulated shop.")]
ShopOption = Annotated[
    ShopName, typer.Option("--shop", help="simulated: made-up retailer with a known truth. cdnow: a real log.")
]


def command(
    dir_: Dir = Path("demo"),
    customers: Customers = 5_000,
    seed: Seed = 1,
    weeks: Weeks = 156,
    shop: ShopOption = ShopName.SIMULATED,
) -> None:
    """Run everything on a demo shop: tables, checks, features, trained and compared models, scores, this week's list."""
    from holdfast.demo.tour import tour

    CONSOLE.print(f"Laying out the {shop} shop in {dir_} ...")
    tour(lay_out(shop, dir_, customers, seed, weeks), CONSOLE)
