import os
import subprocess
import sys
from pathlib import Path

import pytest

from settings.processors import available_processors, configure_openmp

ROOT = Path(__file__).resolve().parents[2]
ENTRY_POINTS = {
    "command line": "sys.argv[1:] = ['inspect', '--config', 'none.toml']\n    from holdfast.cli import main\n    main()",
    "service": "import serving.service\n    serving.service.Holdfast.inner()",
    "notebook": "import holdfast\n    holdfast.open_workspace('none.toml')",
}


def test_no_more_processors_than_this_process_may_use() -> None:
    assert 1 <= available_processors() <= len(os.sched_getaffinity(0))


def test_affinity_limits_the_processors() -> None:
    program = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
        "from settings.processors import available_processors; print(available_processors())"
    )
    assert subprocess.check_output([sys.executable, "-c", program], cwd=ROOT, text=True).strip() == "1"


def test_waiting_threads_sleep_and_each_call_has_one() -> None:
    environment: dict[str, str] = {}
    configure_openmp(environment)
    assert environment == {"OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": "1"}


def test_what_the_user_set_stays() -> None:
    environment = {"OMP_WAIT_POLICY": "ACTIVE", "OMP_NUM_THREADS": "7"}
    configure_openmp(environment)
    assert environment == {"OMP_WAIT_POLICY": "ACTIVE", "OMP_NUM_THREADS": "7"}


@pytest.mark.parametrize("entry_point", ENTRY_POINTS)
@pytest.mark.slow
def test_every_entry_point_configures_openmp_before_lightgbm_is_imported(entry_point: str) -> None:
    program = f"""
import builtins, os, sys
real, policies = builtins.__import__, []
def spy(name, *rest):
    if name == "lightgbm" and "lightgbm" not in sys.modules:
        policies.append(os.environ.get("OMP_WAIT_POLICY"))
    return real(name, *rest)
builtins.__import__ = spy
try:
    {ENTRY_POINTS[entry_point]}
except (Exception, SystemExit):
    pass
import lightgbm
print(policies[0])
"""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OMP_")}
    output = subprocess.check_output([sys.executable, "-c", program], cwd=ROOT, text=True, env=clean)
    assert output.split()[-1] == "PASSIVE"
