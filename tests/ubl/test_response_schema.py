"""What is written passes the UBL 2.1 schema of OASIS, taken as data from a published package."""

import dataclasses
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from ubl.model import Contact, Identifier
from ubl.response import (
    Clarification,
    Condition,
    InvoiceReference,
    InvoiceResponse,
    InvoiceStatus,
    Mls,
    MlsCode,
    MlsIssue,
    MlsReason,
    NamedParty,
    ResponseParty,
    StatusAction,
    StatusReason,
    read_invoice_response,
    read_mls,
    write_invoice_response,
    write_mls,
)


@pytest.fixture(scope="module")
def schema(ubl_schemas: Path) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(ubl_schemas / "UBL-ApplicationResponse-2.1.xsd"))


PARTY = ResponseParty(
    endpoint=Identifier("0123456789", "0208"),
    identifier=Identifier("0123456789", "0208"),
    name="Koper NV",
    contact=Contact(name="An", telephone="+32 2 000 00 00", email="an@example.org"),
)
FULL = InvoiceResponse(
    identifier="IR-1",
    issue_date=date(2026, 3, 2),
    issue_time=time(10, 15, tzinfo=UTC),
    note="As agreed",
    sender=PARTY,
    receiver=PARTY,
    status=InvoiceStatus.UNDER_QUERY,
    effective_date=date(2026, 3, 1),
    clarifications=(
        Clarification(
            code=StatusReason.REFERENCES_INCORRECT,
            text="Order unknown",
            conditions=(Condition(attribute="BT-13", value="PO-1"), Condition(attribute="BT-10")),
        ),
        Clarification(code=StatusAction.PROVIDE_INFORMATION),
        Clarification(text="In words only"),
    ),
    invoice=InvoiceReference(number="F-7", type_code="380", issue_date=date(2026, 2, 28)),
    seller=NamedParty(name="Vendeur SARL", identifier=Identifier("1", "0002")),
    buyer=NamedParty(name="Koper NV"),
)
MLS = Mls(
    identifier="MLS-1",
    issued_at=datetime(2026, 3, 11, 12, 0, 0, 250_000, tzinfo=UTC),
    sender=Identifier("000123", "0242"),
    receiver=Identifier("000456-MLS.GATE1", "0242"),
    code=MlsCode.REJECTED,
    description="Two faults",
    reference="5e5b8f0c-0f4e-4d1a-9d5e-0d6f0f7f2a11",
    issues=(
        MlsIssue(reason=MlsReason.RULE_VIOLATION, text="BR-16", location="/Invoice"),
        MlsIssue(reason=MlsReason.RULE_WARNING, text="BR-17", location="/Invoice"),
        MlsIssue(reason=MlsReason.FAILURE_OF_DELIVERY, text="No such receiver"),
    ),
)


def check(schema: etree.XMLSchema, data: bytes) -> None:
    schema.assertValid(etree.fromstring(data))


def test_a_full_invoice_response_is_valid(schema: etree.XMLSchema) -> None:
    check(schema, write_invoice_response(FULL))


@pytest.mark.parametrize("status", InvoiceStatus)
def test_every_status_is_valid(schema: etree.XMLSchema, status: InvoiceStatus) -> None:
    check(schema, write_invoice_response(dataclasses.replace(FULL, status=status)))


def test_a_full_message_level_status_is_valid(schema: etree.XMLSchema) -> None:
    data = write_mls(MLS)
    check(schema, data)
    assert data.count(b"<cac:LineResponse>") == 2


@pytest.mark.parametrize("code", [MlsCode.DELIVERED, MlsCode.FORWARDED])
def test_a_short_message_level_status_is_valid(schema: etree.XMLSchema, code: MlsCode) -> None:
    check(schema, write_mls(dataclasses.replace(MLS, code=code, issues=(), description=None)))


def test_what_others_wrote_stays_valid_when_written_again(
    schema: etree.XMLSchema, cases: list[dict[str, Any]]
) -> None:
    written = 0
    for case in cases:
        if case["suite"] == "peppol-ir":
            check(schema, write_invoice_response(read_invoice_response(case["path"].read_bytes())))
            written += 1
        if case["suite"] == "peppol-mls" and case.get("fatal") == []:
            check(schema, write_mls(read_mls(case["path"].read_bytes())))
            written += 1
    assert written > 15


def test_the_schema_does_refuse(schema: etree.XMLSchema) -> None:
    data = write_mls(MLS).replace(b"cbc:ResponseCode", b"cbc:ResponseKode")
    assert not schema.validate(etree.fromstring(data))
