"""Make this checkout importable in the environment that runs this script, and add the `holdfast` launcher to it.

Run: .venv/bin/python deploy/link_checkout.py (`make setup` does)
"""

import sys
import sysconfig
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
LAUNCHER = """#!{python}
from holdfast.cli import main

main()
"""


def link_checkout() -> None:
    """Write `holdfast.pth` into site-packages and the executable `holdfast` beside the interpreter."""
    paths = sysconfig.get_paths()
    Path(paths["purelib"], "holdfast.pth").write_text(f"{CHECKOUT}\n", encoding="utf-8")
    launcher = Path(paths["scripts"], "holdfast")
    launcher.write_text(LAUNCHER.format(python=sys.executable), encoding="utf-8")
    launcher.chmod(0o755)


if __name__ == "__main__":
    link_checkout()
