"""Lay out a demo shop: its tables, its configuration, and nothing of an earlier run."""

import shutil
from enum import StrEnum
from pathlib import Path

from settings.errors import UserError

MARK = ".holdfast-demo"
CONFIG = "holdfast.toml"
HORIZON_WEEKS = 13

SIMULATED = f"""# A simulated retailer: every customer, order and complaint in it is made up.
[tables]
transactions = "data/transactions.parquet"
complaints = "data/complaints.parquet"
surveys = "data/surveys.parquet"
contacts = "data/contacts.parquet"
customers = "data/customers.parquet"

[checks.transactions.severity]
fresh = "off"  # it is always the end of 2025 here

[churn]
horizon_days = {HORIZON_WEEKS * 7}
active_days = 365

[value]
margin = 0.4

[[targeting.actions]]
name = "retention"
kind = "retention"
cost = 0.5
save_rate = 0.10
# effect = "odds"  # keeps hardly any of those who are as good as gone; it earns more here (docs/targeting.md)
measured_by = "newsletter"

[[targeting.actions]]
name = "win_back"
kind = "win_back"
cost = 0.5
save_rate = 0.05
measured_by = "newsletter"

[[targeting.actions]]
name = "recovery"
kind = "recovery"
cost = 5.0
save_rate = 0.20
channel = "phone"
owner = "service"
"""

CDNOW = """# CDNOW: real purchases of 2,357 customers of a music shop, 1997 to 1998.
[tables]
transactions = "data/transactions.csv"

[checks.transactions.severity]
fresh = "off"  # the log ends in 1998

[churn]
horizon_days = 90
active_days = 365

[value]
margin = 0.3
currency = "USD"
"""


class ShopName(StrEnum):
    """The shops that the demo can be run on."""

    SIMULATED = "simulated"
    CDNOW = "cdnow"


def lay_out(shop: ShopName, folder: Path, customers: int, seed: int, weeks: int) -> Path:
    """Write tables and configuration into `folder` and return the configuration's path.

    A folder that an earlier demo made is emptied first; any other folder that is not empty is refused.
    """
    _make_room(folder)
    if shop is ShopName.CDNOW:
        from holdfast.demo.cdnow import write_cdnow

        write_cdnow(folder)
    else:
        from holdfast.demo.simulated.shop import simulate, write_shop

        write_shop(simulate(customers, weeks, seed), folder, HORIZON_WEEKS)
    config = folder / CONFIG
    config.write_text(CDNOW if shop is ShopName.CDNOW else SIMULATED, encoding="utf-8")
    return config


def _make_room(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARK).exists():
            raise UserError(f"The folder {folder} holds something that no demo made; name another one with --dir.")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).touch()
