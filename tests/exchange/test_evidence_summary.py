"""The summary says in four languages what the bundle holds, and nothing it does not hold."""

import json
import tomllib
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from pikepdf import Pdf

from gateway.core.clock import now
from gateway.exchange.evidence_summary import LANGUAGES, Texts, render_summary, summary_view

TEXTS = Path("gateway/exchange/evidence_texts")


@pytest.fixture(params=["sent", "received"])
def manifest(request, bundles):
    with ZipFile(BytesIO(getattr(bundles, request.param))) as packed:
        return json.loads(packed.read("manifest.json"))


def sentences(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from sentences(one)
    elif isinstance(value, list):
        for one in value:
            yield from sentences(one)


def keys(table, above=""):
    for name, value in table.items():
        yield from keys(value, f"{above}{name}.") if isinstance(value, dict) else [above + name]


def test_every_language_has_every_sentence():
    folder = Path(__file__).parents[2] / TEXTS
    found = {
        one: set(keys(tomllib.loads((folder / f"{one}.toml").read_text()))) for one in LANGUAGES
    }
    assert all(found[one] == found["en"] for one in LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_says_who_sent_what_to_whom_and_by_whom(manifest, language):
    said = " ".join(sentences(summary_view(manifest, Texts(language))))
    (message,) = manifest["messages"]
    for fact in (
        manifest["number"],
        manifest["sender"],
        manifest["receiver"],
        manifest["sbdh_instance_identifier"],
        manifest["document_sha256"],
        message["message_id"],
        message["from_seat"],
        message["to_seat"],
        message["receipt"],
        message["peer"]["subject"],
        *(one["file"] for one in manifest["answers"]),
    ):
        assert fact in said


def test_every_file_it_names_is_in_the_bundle(manifest):
    view = summary_view(manifest, Texts("en"))
    words = " ".join(sentences(view)).replace("(", " ").replace(")", " ").split()
    named = {one.rstrip(".,:") for one in words if one.startswith(("message-0", "answer-0"))}
    assert named
    assert named <= set(manifest["files"])


def test_without_a_receipt_it_claims_no_delivery(manifest):
    if manifest["direction"] == "in":
        pytest.skip("a received message has a receipt or was not received")
    for one in manifest["messages"]:
        one.update(receipt=None, delivered_at=None)
    view = summary_view(manifest, Texts("en"))
    assert (view["headline"], view["tone"]) == ("Delivery not proven", "open")
    assert "What proves it" not in [one["title"] for one in view["sections"]]


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_is_set_as_pages(manifest, language):
    pdf = render_summary(manifest, language=language, created_at=now())
    with Pdf.open(BytesIO(pdf)) as opened:
        assert 1 <= len(opened.pages) <= 6
        assert str(opened.Root.Lang) == language


def test_an_unknown_language_is_english(manifest):
    assert Texts("xx").language == "en"


def test_a_name_nobody_can_print_is_shown_as_boxes(manifest):
    manifest["sender_name"] = '株式会社 & <b>#image("/etc/passwd")'
    pdf = render_summary(manifest, language="en", created_at=now())
    assert pdf.startswith(b"%PDF")
