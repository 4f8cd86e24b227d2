"""Invoice responses: the use cases of BIS 63, agreement with the official rules, round trips."""

import dataclasses
from datetime import date, time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ubl.model import Contact, Identifier
from ubl.response import (
    Clarification,
    ClarificationList,
    Condition,
    InvoiceReference,
    InvoiceResponse,
    InvoiceStatus,
    NamedParty,
    ResponseParty,
    ResponseRefused,
    StatusAction,
    StatusReason,
    read_invoice_response,
    write_invoice_response,
)

RESPONSE = InvoiceResponse(
    identifier="IR-1",
    issue_date=date(2026, 3, 2),
    sender=ResponseParty(endpoint=Identifier("0123456789", "0208"), name="Koper NV"),
    receiver=ResponseParty(endpoint=Identifier("987654325", "0002"), name="Vendeur SARL"),
    status=InvoiceStatus.ACCEPTED,
    invoice=InvoiceReference(number="F-2026-7", type_code="380"),
)
# Rules on codes of lists that validation holds: types of documents and EAS schemes.
LEFT_TO_VALIDATION = {"PEPPOL-T111-B04201", "PEPPOL-T111-B00902"}


def test_reads_every_use_case(cases: list[dict[str, Any]]) -> None:
    found = [case for case in cases if case["suite"] == "peppol-ir"]
    assert len(found) == 14
    for case in found:
        response = read_invoice_response(case["path"].read_bytes())
        assert response.invoice.number == "inv021"
        assert read_invoice_response(write_invoice_response(response)) == response


def test_a_query_is_read_in_full(cases: list[dict[str, Any]]) -> None:
    (case,) = [case for case in cases if "uc006a" in case["id"]]
    response = read_invoice_response(case["path"].read_bytes())
    assert response.status is InvoiceStatus.UNDER_QUERY
    assert response.effective_date == date(2017, 12, 2)
    reason, action = response.clarifications
    assert reason.code is StatusReason.REFERENCES_INCORRECT
    assert reason.conditions == (Condition(attribute="BT-13", value="PO0001"),)
    assert action.code is StatusAction.PROVIDE_INFORMATION


def test_a_third_party_names_the_buyer(cases: list[dict[str, Any]]) -> None:
    (case,) = [case for case in cases if "uc008" in case["id"]]
    response = read_invoice_response(case["path"].read_bytes())
    buyer = NamedParty(name="Buyer A", identifier=Identifier("9876549873211", "0088"))
    assert (response.buyer, response.seller) == (buyer, None)


def test_agrees_with_the_official_verdict_on_mutations(cases: list[dict[str, Any]]) -> None:
    refused = 0
    for case in cases:
        if case["suite"] != "mut-t111":
            continue
        if set(case["fatal"]) <= LEFT_TO_VALIDATION:
            read_invoice_response(case["path"].read_bytes())
            continue
        with pytest.raises(ResponseRefused):
            read_invoice_response(case["path"].read_bytes())
        refused += 1
    assert refused == 21


def test_fragments_that_fire_are_refused_by_the_same_rule(cases: list[dict[str, Any]]) -> None:
    ours = {"PEPPOL-T111-R001", "PEPPOL-T111-R004", "PEPPOL-T111-R006", "PEPPOL-T111-R007"}
    for case in cases:
        if case["suite"] != "peppol-ir-unit":
            continue
        with pytest.raises(ResponseRefused) as refused:  # fragments lack parties and dates
            read_invoice_response(case["path"].read_bytes())
        rules = {fault.rule for fault in refused.value.faults}
        assert set(case["expected"]["fires"]) & ours <= rules
        assert not rules & set(case["expected"]["silent"])


OTHER_REASON = Clarification(code=StatusReason.OTHER, text="see note")
OTHER_ACTION = Clarification(code=StatusAction.OTHER, text="call us")


def test_a_code_that_stands_in_both_lists_keeps_its_list() -> None:
    response = dataclasses.replace(
        RESPONSE, status=InvoiceStatus.REJECTED, clarifications=(OTHER_REASON, OTHER_ACTION)
    )
    data = write_invoice_response(response)
    assert b'listID="OPStatusReason">OTH<' in data
    assert b'listID="OPStatusAction">OTH<' in data
    reason, action = read_invoice_response(data).clarifications
    assert reason.code_list is ClarificationList.REASON
    assert action.code_list is ClarificationList.ACTION


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"customization": "urn:other"}, "PEPPOL-T111-R003"),
        ({"profile": "urn:other"}, "PEPPOL-T111-R008"),
        ({"status": InvoiceStatus.REJECTED}, "PEPPOL-T111-R001"),
        ({"status": InvoiceStatus.UNDER_QUERY}, "PEPPOL-T111-R001"),
        (
            {
                "status": InvoiceStatus.CONDITIONALLY_ACCEPTED,
                "clarifications": (Clarification(text="words are not enough"),),
            },
            "PEPPOL-T111-R001",
        ),
        (
            {
                "status": InvoiceStatus.PAID,
                "clarifications": (Clarification(code=StatusReason.PARTIALLY_PAID),),
            },
            "PEPPOL-T111-R004",
        ),
        (
            {"clarifications": (Clarification(code=StatusReason.PARTIALLY_PAID, text="half"),)},
            "PEPPOL-T111-R005",
        ),
        ({"clarifications": (Clarification(),)}, None),
        ({"identifier": " "}, None),
        ({"invoice": InvoiceReference(number="1", type_code="")}, None),
        ({"sender": ResponseParty(endpoint=Identifier("1"), name="A")}, None),
        ({"receiver": ResponseParty(endpoint=Identifier("1", "0088"), name="")}, None),
    ],
)
def test_a_faulty_response_is_never_written(change: dict[str, Any], rule: str | None) -> None:
    with pytest.raises(ResponseRefused) as refused:
        write_invoice_response(dataclasses.replace(RESPONSE, **change))
    assert rule in {fault.rule for fault in refused.value.faults}


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b">AP<", b">ZZ<", "RESPONSE-CODE"),
        (b"2026-03-02", b"2026-03-02Z", "RESPONSE-DATE"),
        (b"<cbc:IssueTime>10:15:00", b"<cbc:IssueTime>25:15:00", "RESPONSE-TIME"),
        (b' schemeID="0208"', b"", "RESPONSE-MISSING"),
        (b"Koper NV", b" ", "RESPONSE-MISSING"),
        (
            b"</cac:DocumentResponse>",
            b"</cac:DocumentResponse><cac:DocumentResponse/>",
            "RESPONSE-COUNT",
        ),
        (b'"OPStatusReason"', b'"OPStatusAction"', "RESPONSE-CODE"),
        (b' listID="OPStatusReason"', b"", "RESPONSE-CODE"),
        (b"ApplicationResponse", b"OrderResponse", "RESPONSE-NOT-INVOICE-RESPONSE"),
    ],
)
def test_a_faulty_response_is_refused_with_its_code(old: bytes, new: bytes, code: str) -> None:
    good = dataclasses.replace(
        RESPONSE,
        issue_time=time(10, 15),
        clarifications=(Clarification(code=StatusReason.NO_ISSUE),),
    )
    data = write_invoice_response(good)
    assert old in data
    with pytest.raises(ResponseRefused) as refused:
        read_invoice_response(data.replace(old, new))
    assert refused.value.code == code


def test_payment_in_part_is_told_from_payment() -> None:
    part = Clarification(code=StatusReason.PARTIALLY_PAID, text="half of it")
    paid = dataclasses.replace(RESPONSE, status=InvoiceStatus.PAID)
    assert not paid.is_partial_payment
    assert dataclasses.replace(paid, clarifications=(part,)).is_partial_payment


_texts = (
    st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn")), max_size=20)
    .map(str.strip)
    .filter(bool)
)
_maybe = st.none() | _texts
_identifiers = st.builds(Identifier, value=_texts, scheme=st.sampled_from(["0088", "0208"]))
_parties = st.builds(
    ResponseParty,
    endpoint=_identifiers,
    name=_texts,
    identifier=st.none() | st.builds(Identifier, value=_texts, scheme=_maybe),
    contact=st.none() | st.builds(Contact, name=_texts, telephone=_maybe, email=_maybe),
)
_clarifications = st.builds(
    Clarification,
    code=st.sampled_from([*StatusReason, *StatusAction]).filter(lambda code: code != "PPD"),
    text=_maybe,
    conditions=st.lists(st.builds(Condition, attribute=_texts, value=_maybe), max_size=2).map(
        tuple
    ),
)
_responses = st.builds(
    InvoiceResponse,
    identifier=_texts,
    issue_date=st.dates(),
    issue_time=st.none() | st.times(),
    note=_maybe,
    sender=_parties,
    receiver=_parties,
    status=st.sampled_from(InvoiceStatus),
    effective_date=st.none() | st.dates(),
    clarifications=st.lists(_clarifications, min_size=1, max_size=3).map(tuple),
    invoice=st.builds(
        InvoiceReference, number=_texts, type_code=_texts, issue_date=st.none() | st.dates()
    ),
    seller=st.none() | st.builds(NamedParty, name=_texts, identifier=st.none() | _identifiers),
    buyer=st.none() | st.builds(NamedParty, name=_texts, identifier=st.none() | _identifiers),
)


@settings(max_examples=60)
@given(_responses)
def test_what_is_written_is_read_back(response: InvoiceResponse) -> None:
    assert read_invoice_response(write_invoice_response(response)) == response
