"""Create a demo shop: a folder with its tables and its configuration."""

import shutil
from enum import StrEnum
from pathlib import Path

from settings.errors import UserError

MARKER_FILE = ".holdfast-demo"
CONFIG_FILE = "holdfast.toml"
HORIZON_WEEKS = 13

SIMULATED_CONFIG = f"""# A simulated retailer: every customer, order and complaint is invented.
[tables]
transactions = "data/transactions.parquet"
complaints = "data/complaints.parquet"
surveys = "data/surveys.parquet"
contacts = "data/contacts.parquet"
customers = "data/customers.parquet"

[checks.transactions.severity]
fresh = "off"  # the simulated orders always end on the same date

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
# effect = "share"  # keeps those almost certain to leave as often as others; the default earns more here (docs/targeting.md)
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

CDNOW_CONFIG = """# CDNOW: real purchases of 2,357 customers of a music shop, 1997 to 1998.
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
    """The shops on which the demo can run."""

    SIMULATED = "simulated"
    CDNOW = "cdnow"


def create_shop(shop: ShopName, folder: Path, customers: int, seed: int, weeks: int) -> Path:
    """Write the tables and the configuration of a shop to `folder`; return the path of the configuration.

    A folder of an earlier demo is emptied first. Any other folder that is not empty is refused with UserError.
    `customers`, `seed` and `weeks` apply to the simulated shop only.
    """
    _prepare_folder(folder)
    if shop is ShopName.CDNOW:
        from holdfast.demo.cdnow import write_cdnow

        write_cdnow(folder)
    else:
        from holdfast.demo.simulated.shop import simulate, write_shop

        write_shop(simulate(customers, weeks, seed), folder, HORIZON_WEEKS)
    config = folder / CONFIG_FILE
    config.write_text(CDNOW_CONFIG if shop is ShopName.CDNOW else SIMULATED_CONFIG, encoding="utf-8")
    return config


def _prepare_folder(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARKER_FILE).exists():
            raise UserError(f"The folder {folder} is not empty and was not created by the demo; choose another one with --dir.")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER_FILE).touch()
