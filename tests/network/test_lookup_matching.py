"""Why a registration takes a document type or not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.as4.identifiers import (
    BILLING_CREDIT_NOTE,
    BILLING_INVOICE,
    BILLING_INVOICE_CII,
    DOCTYPE_SCHEME,
    DOCTYPE_WILDCARD_SCHEME,
    INVOICE_RESPONSE,
    SELF_BILLING_INVOICE,
    DocumentTypeId,
    ParticipantId,
)
from gateway.network.errors import LookupFailed
from gateway.network.lookup_matching import document_title, match_document_type
from gateway.network.smp import ServiceGroup
from gateway.network.smp_selection import select_document_type

UBL = "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2::Invoice"


def wild(customization: str) -> DocumentTypeId:
    return DocumentTypeId(DOCTYPE_WILDCARD_SCHEME, f"{UBL}##{customization}::2.1")


def exact(customization: str, version: str = "2.1") -> DocumentTypeId:
    return DocumentTypeId(DOCTYPE_SCHEME, f"{UBL}##{customization}::{version}")


JAPAN = "urn:peppol:pint:billing-1@jp-1"


@pytest.mark.parametrize(
    ("registered", "asked", "matched", "reason"),
    [
        ([BILLING_INVOICE], BILLING_INVOICE, BILLING_INVOICE, "exact"),
        ([wild("urn:peppol:pint:billing-1*")], wild(JAPAN), 0, "wildcard"),
        ([wild(f"{JAPAN}*"), wild("urn:peppol:pint:billing-1*")], wild(JAPAN), 0, "wildcard"),
        ([wild(f"{JAPAN}*")], exact(JAPAN), None, "other-scheme"),
        ([exact(JAPAN)], wild(JAPAN), None, "other-scheme"),
        ([exact("urn:a", "2.0")], exact("urn:a"), None, "other-version"),
        ([SELF_BILLING_INVOICE], BILLING_INVOICE, None, "other-specification"),
        ([BILLING_CREDIT_NOTE, BILLING_INVOICE_CII], BILLING_INVOICE, None, "other-document"),
        ([], BILLING_INVOICE, None, "nothing-registered"),
    ],
)
def test_the_reason(registered, asked, matched, reason) -> None:
    found = match_document_type(registered, asked)
    assert found.matched == (registered[matched] if isinstance(matched, int) else matched)
    assert found.reason == reason
    assert found.tried[0] == asked
    assert found.sentence.endswith(".")
    assert found.near == (tuple(registered) if reason.startswith("other-") else ()) or (
        reason == "other-document"
    )


def test_what_was_tried_is_in_the_order_tried() -> None:
    found = match_document_type([], wild(JAPAN))
    assert [one.customization for one in found.tried] == [
        JAPAN,
        f"{JAPAN}*",
        "urn:peppol:pint:billing-1*",
    ]


PARTS = st.sampled_from(["urn:a", "urn:a@b", "urn:a@b@c", "urn:a*", "urn:a@b*", "urn:z"])


@given(st.lists(PARTS, max_size=4), PARTS)
def test_it_chooses_as_sending_does(registered, asked) -> None:
    types = tuple(wild(one) for one in registered)
    found = match_document_type(types, wild(asked))
    try:
        chosen = select_document_type(ServiceGroup(ParticipantId.of("0088:1"), types), wild(asked))
    except LookupFailed:
        chosen = None
    assert found.matched == chosen


@pytest.mark.parametrize(
    ("document_type", "title"),
    [
        (BILLING_INVOICE, "Invoice · Peppol BIS Billing 3"),
        (BILLING_INVOICE_CII, "CrossIndustryInvoice · Peppol BIS Billing 3"),
        (INVOICE_RESPONSE, "ApplicationResponse · Peppol BIS Invoice Response 3"),
        (wild(JAPAN), "Invoice · PINT billing-1@jp-1"),
        (exact("urn:fdc:peppol.eu:poacc:trns:order:3"), "Invoice · Peppol BIS order 3"),
        (exact("urn:example:own"), "Invoice · urn:example:own"),
        (
            DocumentTypeId(DOCTYPE_SCHEME, "urn:peppol:doctype:pdf+xml##urn:x::1"),
            "pdf+xml · urn:x",
        ),
        (DocumentTypeId(DOCTYPE_SCHEME, "anything"), "anything"),
    ],
)
def test_names_for_people(document_type, title) -> None:
    assert document_title(document_type) == title
