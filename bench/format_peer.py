"""The other products' side of the comparison of formats; runs in an environment of its own.

Started by ``bench.formats`` with the Python of that environment, so it may import nothing of this
project. Argument: the name of the peer. Reads lines "task|repeats|path|path of a PDF" on standard
input and answers each with one JSON object: ``seconds`` of processor time of one round, without
what a task starts from, and ``size``, the bytes of the result; or ``absent``, and why.
"""

import copy
import importlib
import json
import sys
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

Task = Callable[[bytes, Path, int], Callable[[], object]]
"""Prepares what so many rounds start from; the result does one round and gives what it made."""


def main() -> None:
    tasks = {"drafthorse": drafthorse, "factur-x": facturx, "mock-einvoice": mock_einvoice}[
        sys.argv[1]
    ]()
    for line in sys.stdin:
        task, repeats, path, pdf = line.rstrip("\n").split("|")
        print(json.dumps(answer(tasks.get(task), int(repeats), Path(path), Path(pdf))), flush=True)


def answer(task: Task | None, repeats: int, path: Path, pdf: Path) -> dict[str, Any]:
    if task is None:
        return {"absent": "does not do it"}
    try:
        once = task(path.read_bytes(), pdf, repeats)
        began = time.process_time()
        for _ in range(repeats):
            made = once()
        seconds = (time.process_time() - began) / repeats
    except Exception as error:  # noqa: BLE001 - whatever a product raises is its answer
        return {"absent": f"{type(error).__name__}: {str(error)[:200]}"}
    return {"seconds": seconds, "size": len(made) if isinstance(made, bytes | str) else 0}


def drafthorse() -> dict[str, Task]:
    document = importlib.import_module("drafthorse.models.document").Document
    known = lru_cache(maxsize=1)(lambda content: document.parse(content, strict=False))

    def read(content: bytes, pdf: Path, rounds: int) -> Callable[[], object]:
        return lambda: document.parse(content, strict=False)

    def write(content: bytes, pdf: Path, rounds: int) -> Callable[[], object]:
        document_of = known(content)
        return lambda: document_of.serialize(schema=None)

    return {"read CII": read, "write CII": write}


def facturx() -> dict[str, Task]:
    module = importlib.import_module("facturx")
    parse = importlib.import_module("facturx.parse_xml").parse_ubl_cii_xml
    generate = importlib.import_module("facturx.generate_xml")
    unchecked = {"check_xsd": False, "check_schematron": False}
    core = "urn:cen.eu:en16931:2017"

    def parsed(content: bytes) -> Any:
        return parse(content, **unchecked) | {"BT-24": core}

    known = lru_cache(maxsize=1)(parsed)

    def read(content: bytes, pdf: Path, rounds: int) -> Callable[[], object]:
        return lambda: parse(content, **unchecked)

    def writer(write: Callable[..., Any]) -> Task:
        def prepare(content: bytes, pdf: Path, rounds: int) -> Callable[[], object]:
            # It changes the values it is given: each round gets its own.
            values = [copy.deepcopy(known(content)) for _ in range(rounds)]
            return lambda: write(values.pop(), **unchecked)

        return prepare

    def converter(write: Callable[..., Any]) -> Task:
        return lambda content, pdf, rounds: lambda: write(parsed(content), **unchecked)

    def into_pdf(content: bytes, pdf: Path, rounds: int) -> Callable[[], object]:
        pages = pdf.read_bytes()
        return lambda: module.generate_from_binary(
            pages, content, check_xsd=False, check_schematron=False
        )

    return {
        "read UBL": read,
        "read CII": read,
        "write UBL": writer(generate.generate_ubl_xml),
        "write CII": writer(generate.generate_cii_xml),
        "UBL to CII": converter(generate.generate_cii_xml),
        "CII to UBL": converter(generate.generate_ubl_xml),
        "XML into PDF": into_pdf,
    }


def mock_einvoice() -> dict[str, Task]:
    module = importlib.import_module("mockeinvoice")
    write = importlib.import_module("mockeinvoice.ubl").write
    known = lru_cache(maxsize=1)(module.read)

    def reading(content: bytes, pdf: Path, rounds: int) -> Callable[[], object]:
        return lambda: module.read(content)

    def writing(content: bytes, pdf: Path, rounds: int) -> Callable[[], object]:
        document = known(content)[0]
        return lambda: write(document)

    return {"read UBL": reading, "write UBL": writing}


if __name__ == "__main__":
    main()
