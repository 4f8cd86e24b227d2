"""The breaking points really break, at the n-th time and only when asked."""

import subprocess
import sys

from gateway.core.faults import Faults
from gateway.core.settings import FaultSettings

PROGRAM = """
from gateway.core.faults import Faults
from gateway.core.settings import FaultSettings
faults = Faults(FaultSettings(kill_at="bytes-sent:3"))
for n in range(1, 6):
    faults.reach("row-committed")
    print(n, flush=True)
    faults.reach("bytes-sent")
"""


def test_the_process_dies_at_the_named_point() -> None:
    died = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False
    )
    assert (died.returncode, died.stdout.split()) == (-9, ["1", "2", "3"])


def test_quiet_unless_asked() -> None:
    faults = Faults(FaultSettings(cut=("receipt",)))
    faults.reach("bytes-sent")
    assert faults.cuts("receipt")
    assert not faults.cuts("mls")
