"""`demo`: run the whole job on a demo shop."""

from pathlib import Path
from typing import Annotated

import typer

from holdfast.demo.shops import ShopName, create_shop
from holdfast.printing.console import CONSOLE

NAME = "demo"
EXAMPLE = "demo --dir demo --shop simulated --customers 5000"

Dir = Annotated[Path, typer.Option("--dir", help="Folder of the demo shop. A folder of an earlier demo is emptied first.")]
Customers = Annotated[int, typer.Option("--customers", min=1, help="Number of customers of the simulated shop.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Random seed of the simulated shop.")]
Weeks = Annotated[int, typer.Option("--weeks", min=1, max=520, help="Weeks of history of the simulated shop.")]
ShopOption = Annotated[
    ShopName, typer.Option("--shop", help="simulated: an invented retailer with known true churn. cdnow: a real order log.")
]


def command(
    dir_: Dir = Path("demo"),
    customers: Customers = 5_000,
    seed: Seed = 1,
    weeks: Weeks = 156,
    shop: ShopOption = ShopName.SIMULATED,
) -> None:
    """Run the whole job on a demo shop: checks, features, training, comparison, scores and this week's lists."""
    from holdfast.demo.tour import run_tour

    CONSOLE.print(f"Creating the {shop} shop in {dir_} ...")
    run_tour(create_shop(shop, dir_, customers, seed, weeks), CONSOLE)
