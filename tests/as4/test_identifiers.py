"""Identifiers: what is accepted, what is refused and with which code."""

import json
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.as4 import identifiers as ids
from gateway.as4.identifiers import (
    DocumentTypeId,
    IdentifierInvalid,
    ParticipantId,
    ProcessId,
    check_seat_id,
    check_spid,
    spid_of_seat,
)

PINT = "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2::Invoice##{}::2.1"
SMP_VECTORS = Path(__file__).resolve().parents[3] / "shared" / "vectors" / "smp"


def test_participants_differ_only_in_case_are_one():
    first = ParticipantId.of("0088:123ABC")
    assert first == ParticipantId.of("0088:123abc")
    assert len({first, ParticipantId.of("0088:123abc")}) == 1
    assert str(first) == "iso6523-actorid-upis::0088:123abc"
    assert first.icd == "0088"


def test_document_types_and_processes_keep_their_case():
    assert DocumentTypeId.parse("busdox-docid-qns::A") != DocumentTypeId.parse(
        "busdox-docid-qns::a"
    )
    assert ProcessId.parse("cenbii-procid-ubl::A").value == "A"


@pytest.mark.parametrize(
    ("kind", "text", "code"),
    [
        (ParticipantId, "0088:123", "IDENTIFIER-SYNTAX"),
        (ParticipantId, "iso6523-actorid-upis:0088:123", "IDENTIFIER-SYNTAX"),
        (ParticipantId, "ISO6523-ACTORID-UPIS::0088:123", "IDENTIFIER-SCHEME"),
        (ParticipantId, "iso6523::0088:123", "IDENTIFIER-SCHEME"),
        (ParticipantId, "a-b-" + "c" * 22 + "::1", "IDENTIFIER-SCHEME"),
        (ParticipantId, "::0088:1", "IDENTIFIER-SCHEME"),
        (ParticipantId, "iso6523-actorid-upis::", "IDENTIFIER-EMPTY"),
        (ParticipantId, "iso6523-actorid-upis::test", "IDENTIFIER-ICD"),
        (ParticipantId, "iso6523-actorid-upis::088:123", "IDENTIFIER-ICD"),
        (ParticipantId, "iso6523-actorid-upis::0088:", "IDENTIFIER-ICD"),
        (ParticipantId, "iso6523-actorid-upis::0088:" + "1" * 131, "IDENTIFIER-TOO-LONG"),
        (ParticipantId, "iso6523-actorid-upis::0088:é", "IDENTIFIER-CHARACTERS"),
        (ParticipantId, "iso6523-actorid-upis::0088:1 2", "IDENTIFIER-CHARACTERS"),
        (ParticipantId, "iso6523-actorid-upis::0088:1\n", "IDENTIFIER-CHARACTERS"),
        (DocumentTypeId, "busdox-docid-qns::" + "x" * 501, "IDENTIFIER-TOO-LONG"),
        (DocumentTypeId, "peppol-doctype-wildcard::urn:a*::b##c::2.1", "IDENTIFIER-WILDCARD"),
        (DocumentTypeId, "peppol-doctype-wildcard::u::r##a*b::2.1", "IDENTIFIER-WILDCARD"),
        (DocumentTypeId, "peppol-doctype-wildcard::u::r##a**::2.1", "IDENTIFIER-WILDCARD"),
        (ProcessId, "cenbii-procid-ubl::" + "x" * 201, "IDENTIFIER-TOO-LONG"),
        (ProcessId, "Scheme::x", "IDENTIFIER-SCHEME"),
    ],
)
def test_refusals_have_codes(kind, text, code):
    with pytest.raises(IdentifierInvalid) as caught:
        kind.parse(text)
    assert caught.value.code == code
    assert caught.value.message.endswith(".")


def test_longest_values_are_accepted():
    assert len(ParticipantId.of("0088:" + "1" * 130).value) == 135
    assert len(DocumentTypeId("busdox-docid-qns", "x" * 500).value) == 500
    assert len(ProcessId("cenbii-procid-ubl", "x" * 200).value) == 200


def test_parts_of_a_document_type():
    invoice = ids.BILLING_INVOICE
    assert invoice.namespace == "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
    assert invoice.root == "Invoice"
    assert invoice.customization == (
        "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"
    )
    assert invoice.version == "2.1"


def test_parts_of_a_document_type_without_root():
    hybrid = DocumentTypeId.parse(
        "busdox-docid-qns::urn:peppol:doctype:pdf+xml##urn:peppol:france:billing:Factur-X:1.0::D22B"
    )
    assert (hybrid.namespace, hybrid.root) == ("urn:peppol:doctype:pdf+xml", None)
    assert (hybrid.customization, hybrid.version) == (
        "urn:peppol:france:billing:Factur-X:1.0",
        "D22B",
    )


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        ("urn:only", ("urn:only", None, None, None)),
        ("urn:n::Root", ("urn:n", "Root", None, None)),
        ("urn:n::Root##custom", ("urn:n", "Root", "custom", None)),
        ("urn:n::Root##a::b::2.1", ("urn:n", "Root", "a::b", "2.1")),
    ],
)
def test_parts_of_unusual_document_types(value, parts):
    found = DocumentTypeId("busdox-docid-qns", value)
    assert (found.namespace, found.root, found.customization, found.version) == parts


def test_wildcard_candidates_go_from_special_to_general():
    document = DocumentTypeId(
        "peppol-doctype-wildcard", PINT.format("urn:peppol:pint:billing-1@jp-1@acme")
    )
    assert [candidate.customization for candidate in document.wildcard_candidates()] == [
        "urn:peppol:pint:billing-1@jp-1@acme",
        "urn:peppol:pint:billing-1@jp-1@acme*",
        "urn:peppol:pint:billing-1@jp-1*",
        "urn:peppol:pint:billing-1*",
    ]
    assert {candidate.version for candidate in document.wildcard_candidates()} == {"2.1"}


def test_exact_types_and_registrations_stand_for_themselves():
    registered = DocumentTypeId(
        "peppol-doctype-wildcard", PINT.format("urn:peppol:pint:billing-1*")
    )
    assert registered.wildcard_candidates() == (registered,)
    assert ids.BILLING_INVOICE.wildcard_candidates() == (ids.BILLING_INVOICE,)


def test_percent_encoding_leaves_nothing_of_a_path():
    encoded = ids.BILLING_INVOICE.percent_encoded
    assert not set("/:#?") & set(encoded)
    assert unquote(encoded) == str(ids.BILLING_INVOICE)
    assert ParticipantId.of("0088:123").percent_encoded == "iso6523-actorid-upis%3A%3A0088%3A123"


def test_seats_and_their_service_provider():
    assert check_seat_id("POP000306") == "POP000306"
    assert spid_of_seat("PBE000723") == ParticipantId.of("0242:000723")
    for bad in ("pop000306", "POP00306", "POP0003066", "XOP000306", "POP000306\n", ""):
        with pytest.raises(IdentifierInvalid) as caught:
            check_seat_id(bad)
        assert caught.value.code == "IDENTIFIER-SEAT"


@pytest.mark.parametrize("value", ["0242:000306", "0242:000306-MLS", "0242:000306-mls.unit-a.1"])
def test_service_provider_identifiers(value):
    assert check_spid(ParticipantId.of(value)).value == value.lower()


@pytest.mark.parametrize(
    "value", ["0242:00306", "0088:000306", "0242:000306-ml", "0242:000306-mls.ab", "0242:000306-"]
)
def test_other_participants_are_no_service_providers(value):
    with pytest.raises(IdentifierInvalid) as caught:
        check_spid(ParticipantId.of(value))
    assert caught.value.code == "IDENTIFIER-SPID"


_VISIBLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=60)


@given(_VISIBLE)
def test_the_uri_form_reads_back(value):
    for kind in (DocumentTypeId, ProcessId):
        identifier = kind("busdox-docid-qns", value)
        assert kind.parse(str(identifier)) == identifier
    participant = ParticipantId.of(f"9999:{value}")
    assert ParticipantId.parse(str(participant)) == participant


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_with_a_code(text):
    for kind in (ParticipantId, DocumentTypeId, ProcessId):
        try:
            outcome = str(kind.parse(text)).lower()
        except IdentifierInvalid as error:
            outcome = error.code
        assert outcome == text.lower() or outcome.startswith("IDENTIFIER-")


def test_messages_do_not_repeat_endless_or_unprintable_input():
    with pytest.raises(IdentifierInvalid) as caught:
        ParticipantId.parse("\x1b[2J" + "x" * 5000)
    assert len(caught.value.message) < 200
    assert "\x1b" not in caught.value.message
    assert json.dumps(caught.value.message)


def test_published_wildcard_registration_is_found():
    path = SMP_VECTORS / "peppol-doctype-wildcard-servicemetadata-9901-pint_c4_jp_sb.xml"
    if not path.exists():
        pytest.skip("the third-party SMP vectors are not there")
    text = path.read_text("utf-8")
    start = text.index('scheme="peppol-doctype-wildcard"')
    value = text[text.index(">", start) + 1 : text.index("<", start)].strip()
    registered = DocumentTypeId("peppol-doctype-wildcard", value)
    customization = (registered.customization or "").rstrip("*")
    sent = DocumentTypeId(
        "peppol-doctype-wildcard", registered.value.replace(f"{customization}*", customization)
    )
    assert registered in sent.wildcard_candidates()
