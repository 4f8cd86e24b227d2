"""The process in which libFuzzer runs: instruments our own code, then never returns."""

import sys
from pathlib import Path

import atheris

FOLDER = Path(__file__).parent
sys.path[:0] = [str(FOLDER), str(FOLDER.parents[1])]

with atheris.instrument_imports(include=["gateway.as4", "gateway.network", "ubl.safexml"]):
    import fuzz_targets

target = fuzz_targets.TARGETS[sys.argv[1]]

atheris.Setup([sys.argv[0], *sys.argv[2:]], lambda data: target(data) and None)
atheris.Fuzz()
