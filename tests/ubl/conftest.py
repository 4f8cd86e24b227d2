"""Where third-party test data lies, and the document that many tests start from."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# A busy machine must not fail a test: nothing here asserts how long an example takes.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

SHARED = Path(__file__).resolve().parents[3] / "shared"


@pytest.fixture(scope="session")
def corpus() -> Path:
    folder = SHARED / "corpus"
    if not (folder / "index.jsonl").exists():
        pytest.skip(f"the test corpus is not at {folder}")
    return folder


@pytest.fixture(scope="session")
def vectors() -> Path:
    folder = SHARED / "vectors"
    if not folder.exists():
        pytest.skip(f"the test vectors are not at {folder}")
    return folder


@pytest.fixture(scope="session")
def cases(corpus: Path) -> list[dict[str, Any]]:
    """Every case of the corpus, its ``path`` made absolute."""

    def read() -> Iterator[dict[str, Any]]:
        for line in (corpus / "index.jsonl").read_text("utf-8").splitlines():
            case = json.loads(line)
            yield case | {"path": corpus / case["file"]}

    return list(read())
