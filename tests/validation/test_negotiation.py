"""Reading what a caller wants out of its headers."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.errors import GatewayError
from gateway.validation.negotiation import (
    CSV,
    FORMATS,
    HTML,
    JSON,
    PDF,
    SVRL,
    choose_format,
    choose_language,
    wants_async,
)

KNOWN = ("en", "fr", "nl", "de")


@pytest.mark.parametrize(
    ("accept", "format", "media_type"),
    [
        ("", JSON, "application/json"),
        ("*/*", JSON, "application/json"),
        ("application/*", JSON, "application/json"),
        ("application/*, application/json;q=0", SVRL, "application/vnd.svrl+xml"),
        ("application/xml", SVRL, "application/xml"),
        ("TEXT/HTML; charset=utf-8", HTML, "text/html"),
        ("text/*;q=0.2, text/csv;q=0.9, */*;q=0.1", CSV, "text/csv"),
        ("application/pdf;q=0.5, application/json;q=0.4", PDF, "application/pdf"),
        ("text/html;q=0, */*;q=0.1", JSON, "application/json"),
    ],
)
def test_the_most_liked_format_wins(accept, format, media_type):
    assert choose_format(accept) == (format, media_type)


@pytest.mark.parametrize("accept", ["image/*", "*/*;q=0", "application/json;q=nan", "x"])
def test_nothing_acceptable_is_said(accept):
    with pytest.raises(GatewayError, match="NOT-ACCEPTABLE"):
        choose_format(accept)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", None),
        ("fr", "fr"),
        ("fr-BE,nl;q=0.9", "fr"),
        ("nl;q=0.1, de-AT;q=0.7", "de"),
        ("it, *;q=0.1", None),
        ("de;q=0, en;q=0.1", "en"),
        ("fr;q=5, nl;q=0.5", "nl"),
    ],
)
def test_the_first_known_language_by_weight_is_spoken(header, language):
    assert choose_language(header, KNOWN) == language


@pytest.mark.parametrize(
    ("prefer", "later"),
    [
        ("respond-async", True),
        ("return=minimal, Respond-Async; x=1", True),
        ("wait=10", False),
        ("", False),
        ("no-respond-async", False),
    ],
)
def test_an_answer_at_once_is_preferred_by_its_name(prefer, later):
    assert wants_async(prefer) is later


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_no_header_breaks_anything(text):
    with contextlib.suppress(GatewayError):
        form, media_type = choose_format(text)
        assert form in FORMATS
        assert media_type in (form.media_type, *form.also)
    assert choose_language(text, KNOWN) in (*KNOWN, None)
    assert wants_async(text) in (True, False)
