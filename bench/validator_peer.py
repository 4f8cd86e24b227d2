"""The other validators' side of the comparison; runs in an environment of its own.

Started by ``bench.validators`` with the Python of that environment, so it may import nothing of
this project. Argument: the name of the peer. Reads lines "repeats path" on standard input and
answers each with one JSON object: ``seconds`` of processor time of one validation from the bytes
on, and ``errors``, how many fatal findings there were.
"""

import importlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path


def main() -> None:
    validate = {"mock-einvoice": mock_einvoice, "verifyhash-einvoice": verifyhash}[sys.argv[1]]()
    for order in sys.stdin:
        repeats, path = order.rstrip("\n").split(" ", 1)
        content = Path(path).read_bytes()
        began = time.process_time()
        for _ in range(int(repeats)):
            errors = validate(content)
        seconds = (time.process_time() - began) / int(repeats)
        print(json.dumps({"seconds": seconds, "errors": errors}), flush=True)


def mock_einvoice() -> Callable[[bytes], int]:
    mockeinvoice = importlib.import_module("mockeinvoice")

    def validate(content: bytes) -> int:
        _, report = mockeinvoice.validate(content)
        if report.verdict == "not judged":
            raise RuntimeError("mock-einvoice did not judge the document")
        return len(report.failures)

    return validate


def verifyhash() -> Callable[[bytes], int]:
    einvoice = importlib.import_module("einvoice")

    def validate(content: bytes) -> int:
        return int(einvoice.validate_bytes(content, profile="en16931")["fatal_count"])

    return validate


if __name__ == "__main__":
    main()
