"""Documents of the world through every format: a document and its account, or a code."""

import json
from pathlib import Path

import pytest

from gateway.conversion.accounts import account_of
from gateway.conversion.reading import read_document
from gateway.conversion.writing import Order, write_document
from gateway.core.errors import GatewayError
from ubl.formats import FORMATS
from ubl.localized import LANGUAGES

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus"
EVERY = 60
LARGE = 500_000


@pytest.fixture(scope="module")
def documents():
    index = CORPUS / "index.jsonl"
    if not index.exists():
        pytest.skip(f"the test corpus is not at {CORPUS}")
    names = [json.loads(line)["file"] for line in index.read_text("utf-8").splitlines()]
    files = [CORPUS / name for name in sorted(names)[::EVERY]]
    return [one for one in files if one.stat().st_size < LARGE]


def test_whatever_is_read_can_be_written_and_accounted_for(documents, at):
    refused, written = set(), 0
    for number, file in enumerate(documents):
        try:
            read = read_document(file.read_bytes())
        except GatewayError as error:
            refused.add(error.code)
            continue
        for wanted in FORMATS.values():
            try:
                made = write_document(read.invoice, Order(format=wanted, at=at, bare=True))
            except GatewayError as error:
                refused.add(error.code)
                continue
            written += 1
            account = account_of(made, lang=LANGUAGES[number % len(LANGUAGES)])
            assert all(one["label"] for one in account["lost"] + account["added"]), (
                file.name,
                wanted.id,
            )
            back = read_document(made.content).invoice
            paths = {one.path for one in made.lost}
            assert (back.kind == read.invoice.kind) is ("kind" not in paths), file.name
    assert written > 10 * len(documents)
    assert refused <= {"CONVERSION-MODE", "CONVERSION-NO-INVOICE", "CONVERSION-UNREADABLE"}
