"""Reminders: what is written is read again, foreign profiles are read, faults are named."""

import contextlib
import dataclasses
from collections.abc import Callable
from datetime import UTC, date, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from ubl.amounts import Amount
from ubl.model import Address, Buyer, Contact, Identifier, Payee, Period, Seller
from ubl.namespaces import CAC, document_namespace
from ubl.reminder import (
    REMINDER_CUSTOMIZATION,
    REMINDER_DOCUMENT_TYPE,
    BillingReference,
    LinePurpose,
    ReferenceKind,
    RelatedDocument,
    Reminder,
    ReminderCharge,
    ReminderLine,
    ReminderPayment,
    ReminderRefused,
    ReminderTerms,
    ReminderTotals,
    ReminderType,
)
from ubl.reminder_read import ReminderKind, read_reminder, recognise_reminder
from ubl.reminder_rules import check_reminder, is_payment_link
from ubl.reminder_write import write_reminder
from ubl.safexml import XmlRefused, parse


def eur(text: str) -> Amount:
    return Amount(Decimal(text), "EUR")


def refers(identifier: str, kind: ReferenceKind = ReferenceKind.INVOICE) -> BillingReference:
    return BillingReference(kind=kind, identifier=identifier, issue_date=date(2026, 8, 1))


CREDITOR = Seller(
    name="Atelier Lumen SAS",
    trading_name="Lumen",
    identifiers=(Identifier("3070000000014", "0088"),),
    registration=Identifier("123456782", "0002"),
    vat_identifier="FR32123456782",
    tax_registration=Identifier("T-77", "LOCAL"),
    legal_information="SAS au capital de 50 000 €",
    electronic_address=Identifier("123456782", "0225"),
    address=Address(
        line1="12 rue des Tilleuls",
        line2="Bât. B",
        line3="Cour",
        city="Lyon",
        post_code="69003",
        subdivision="Rhône",
        country="FR",
    ),
    contact=Contact(name="Comptabilité", telephone="+33 4 00 00 00 00", email="c@lumen.example"),
)
DEBTOR = Buyer(
    name="Koper NV",
    registration=Identifier("0123456749", "0208"),
    vat_identifier="BE0123456749",
    electronic_address=Identifier("0123456749", "0208"),
    address=Address(line1="Kade 7", city="Gent", post_code="9000", country="BE"),
)
PRINCIPAL = ReminderLine(
    identifier="1",
    purpose=LinePurpose.PRINCIPAL,
    debit=eur("1250.00"),
    references=(dataclasses.replace(refers("F-1"), uuid="7c1e", type_code="380"),),
    notes=("12 days late",),
)
FULL = Reminder(
    identifier="R-2026-17",
    uuid="0a3b5c7d-0000-4000-8000-000000000001",
    issue_date=date(2026, 9, 12),
    issue_time=time(9, 30, tzinfo=UTC),
    type_code=ReminderType.FIRM,
    sequence=2,
    notes=("Second reminder",),
    currency="EUR",
    buyer_accounting_reference="4025",
    period=Period(start=date(2026, 8, 1), end=date(2026, 9, 12)),
    documents=(
        RelatedDocument(identifier="R-2026-3", issue_date=date(2026, 8, 20), type_code="REM"),
        RelatedDocument(identifier="F-1.pdf", sha256="ab" * 32),
    ),
    creditor=CREDITOR,
    debtor=DEBTOR,
    payee=Payee(name="Factor AG", identifier=Identifier("99"), registration=Identifier("1", "X")),
    payment=(
        ReminderPayment(
            means_code="58",
            due_date=date(2026, 9, 27),
            references=("RF29F2026001",),
            account=Identifier("FR7630006000011234567890189"),
            account_name="Atelier Lumen",
            service_provider=Identifier("AGRIFRPP"),
        ),
    ),
    terms=(
        ReminderTerms(
            notes=("By 27 September",),
            amount=eur("1217.50"),
            link="https://pay.lumen.example/p/7Hs2",
            due_date=date(2026, 9, 27),
            instalment_due_date=date(2026, 9, 27),
        ),
    ),
    charges=(ReminderCharge(amount=eur("5.00"), reason_code="REM", reason="Fee"),),
    totals=ReminderTotals(
        lines=eur("1222.50"),
        charges=eur("5.00"),
        prepaid=eur("10.00"),
        payable=eur("1217.50"),
    ),
    lines=(
        PRINCIPAL,
        ReminderLine(
            identifier="2",
            purpose=LinePurpose.INTEREST,
            debit=eur("12.50"),
            rate=Decimal("12.15"),
            period=Period(start=date(2026, 9, 1), end=date(2026, 9, 12)),
            references=(refers("F-1"),),
        ),
        ReminderLine(
            identifier="3",
            purpose=LinePurpose.CREDIT,
            credit=eur("40.00"),
            references=(refers("C-1", ReferenceKind.CREDIT_NOTE),),
            uuid="22",
        ),
    ),
)


def one_line(line: ReminderLine, payable: str = "1250.00", **changes: Any) -> Reminder:
    """A small reminder of one line whose sums agree."""
    totals = ReminderTotals(lines=eur(payable), payable=eur(payable))
    small = dataclasses.replace(
        FULL, lines=(line,), totals=totals, charges=(), terms=(), payee=None, documents=()
    )
    return dataclasses.replace(small, **changes)


SMALL = one_line(PRINCIPAL)


@pytest.fixture(scope="module")
def schema(ubl_schemas: Path) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(ubl_schemas / "UBL-Reminder-2.1.xsd"))


@pytest.mark.parametrize("level", ReminderType)
def test_every_level_passes_the_schema_of_oasis(
    schema: etree.XMLSchema, level: ReminderType
) -> None:
    lines = FULL.lines if level is not ReminderType.ADVICE else (PRINCIPAL, FULL.lines[2])
    payable = "1205.00" if level is ReminderType.ADVICE else "1217.50"
    asked = "1210.00" if level is ReminderType.ADVICE else "1222.50"
    totals = dataclasses.replace(FULL.totals, lines=eur(asked), payable=eur(payable))
    notes = ("Formal notice",)
    reminder = dataclasses.replace(FULL, type_code=level, lines=lines, totals=totals, notes=notes)
    schema.assertValid(etree.fromstring(write_reminder(reminder)))


def test_the_schema_does_refuse(schema: etree.XMLSchema) -> None:
    data = write_reminder(FULL).replace(b"cbc:PaymentPurposeCode", b"cbc:PaymentPurposeKode")
    assert not schema.validate(etree.fromstring(data))


def test_every_kind_of_reference_passes_the_schema(schema: etree.XMLSchema) -> None:
    for kind in ReferenceKind:
        instalment = dataclasses.replace(
            PRINCIPAL, purpose=LinePurpose.INSTALMENT, references=(refers("D-1", kind),)
        )
        data = write_reminder(one_line(instalment))
        schema.assertValid(etree.fromstring(data))
        assert read_reminder(data).reminder.lines[0].references[0].kind is kind


def test_what_is_written_is_read_again_with_nothing_left_over() -> None:
    reading = read_reminder(write_reminder(FULL), today=date(2026, 9, 12))
    assert reading.reminder == FULL
    assert reading.kind is ReminderKind.RECEIVABLES
    assert reading.unread == ()
    assert REMINDER_DOCUMENT_TYPE.endswith(f"Reminder##{REMINDER_CUSTOMIZATION}::2.1")


@pytest.mark.parametrize("level", ReminderType)
def test_every_level_is_written(level: ReminderType) -> None:
    notes = ("Mise en demeure de payer",)
    reminder = dataclasses.replace(SMALL, type_code=level, notes=notes, sequence=1)
    assert read_reminder(write_reminder(reminder)).reminder == reminder


@pytest.mark.parametrize(
    ("file", "kind", "identifier", "payable", "lines"),
    [
        ("oasis-ubl-reminder-2.1.xml", ReminderKind.OTHER, "12", "729 EUR", 1),
        ("ehf-reminder-1.1.xml", ReminderKind.EHF_REMINDER, "123456", "62.50 NOK", 2),
        ("oioubl-reminder.xml", ReminderKind.OIOUBL, "A00095678", "6355.50 DKK", 1),
    ],
)
def test_examples_of_other_profiles_are_read(
    vectors: Path, file: str, kind: ReminderKind, identifier: str, payable: str, lines: int
) -> None:
    reading = read_reminder((vectors / "reminder" / file).read_bytes())
    assert reading.kind is kind
    assert reading.reminder.identifier == identifier
    assert str(reading.reminder.totals.payable) == payable
    assert len(reading.reminder.lines) == lines
    assert all(line.references for line in reading.reminder.lines)
    assert reading.reminder.creditor.name
    assert not any("ReminderLine" in path for path in reading.unread)


def test_details_of_other_profiles(vectors: Path) -> None:
    danish = read_reminder((vectors / "reminder/oioubl-reminder.xml").read_bytes()).reminder
    assert danish.type_code == "Advis"
    assert danish.sequence == 1
    assert danish.charges[0].reason_code == "PenaltyFee"
    assert danish.payment[0].account == Identifier("1234567890")
    assert danish.period == Period(start=date(2005, 11, 15), end=date(2005, 12, 15))
    assert danish.lines[0].references[0].uuid == "9756b4d0-8815-1029-857a-e388fe63f399"
    norwegian = read_reminder((vectors / "reminder/ehf-reminder-1.1.xml").read_bytes()).reminder
    assert norwegian.lines[1].references[0].kind is ReferenceKind.CREDIT_NOTE
    assert norwegian.lines[1].credit == Amount(Decimal(50), "NOK")
    assert norwegian.payee == Payee(
        name="Ebeneser Scrooge AS", identifier=Identifier("098740918237", "GLN")
    )


@pytest.mark.parametrize("file", ["ehf-reminder-3.0.xml", "ehf-reminder-3.0-with-fee.xml"])
def test_an_ehf_reminder_3_is_recognised_as_an_invoice(vectors: Path, file: str) -> None:
    data = (vectors / "reminder" / file).read_bytes()
    assert recognise_reminder(parse(data)) is ReminderKind.EHF_INVOICE
    with pytest.raises(ReminderRefused) as caught:
        read_reminder(data)
    assert caught.value.code == "REMINDER-IS-INVOICE"


def test_other_documents_are_no_reminders() -> None:
    with pytest.raises(ReminderRefused) as caught:
        read_reminder(b"<Order/>")
    assert caught.value.code == "REMINDER-NOT-UBL"
    with pytest.raises(XmlRefused):
        read_reminder(b"no XML")


@pytest.mark.parametrize(
    ("old", "new", "code", "path"),
    [
        ("<cbc:ID>R-2026-17</cbc:ID>", "", "REMINDER-MISSING", "/Reminder/cbc:ID"),
        ("2026-09-12</cbc:IssueDate>", "12/9</cbc:IssueDate>", "REMINDER-VALUE", "cbc:IssueDate"),
        ("09:30:00Z", "half nine", "REMINDER-VALUE", "cbc:IssueTime"),
        (">1250.00</cbc:Debit", ">1.250,00</cbc:Debit", "REMINDER-VALUE", "cbc:DebitLineAmount"),
        ("Numeric>2<", "Numeric>2.5<", "REMINDER-VALUE", "cbc:ReminderSequenceNumeric"),
        ("CountNumeric>1<", "CountNumeric>2<", "REMINDER-VALUE", "cbc:LineCountNumeric"),
        ("MeansCode>58<", "MeansCode> <", "REMINDER-MISSING", "cbc:PaymentMeansCode"),
        ("<cac:LegalMonetaryTotal>", "<cac:LegalMonetaryTotal><cbc:x/>", None, ""),
    ],
)
def test_unreadable_values_are_named(old: str, new: str, code: str | None, path: str) -> None:
    data = write_reminder(SMALL).decode()
    assert old in data
    changed = data.replace(old, new, 1).encode()
    if code is None:
        assert read_reminder(changed).reminder == SMALL
        return
    with pytest.raises(ReminderRefused) as caught:
        read_reminder(changed)
    assert caught.value.code == code
    assert caught.value.faults[0].path.endswith(path)
    assert caught.value.reminder is None


def test_everything_missing_is_told_at_once() -> None:
    empty = b'<Reminder xmlns="urn:oasis:names:specification:ubl:schema:xsd:Reminder-2"/>'
    with pytest.raises(ReminderRefused) as caught:
        read_reminder(empty)
    assert {fault.path.rpartition("Reminder/")[2] for fault in caught.value.faults} == {
        "cbc:ID",
        "cbc:IssueDate",
        "cac:AccountingSupplierParty",
        "cac:AccountingCustomerParty",
        "cac:LegalMonetaryTotal/cbc:PayableAmount",
        "cac:ReminderLine",
    }


def line(**changes: Any) -> Reminder:
    return one_line(dataclasses.replace(PRINCIPAL, **changes))


def payment(**changes: Any) -> Reminder:
    means = dataclasses.replace(FULL.payment[0], **changes)
    return dataclasses.replace(SMALL, payment=(means,))


def party(**changes: Any) -> Reminder:
    return dataclasses.replace(SMALL, creditor=dataclasses.replace(CREDITOR, **changes))


def whole(**changes: Any) -> Reminder:
    return dataclasses.replace(SMALL, **changes)


BROKEN: dict[str, Callable[[], Reminder]] = {
    "R01": lambda: whole(customization="urn:other"),
    "R02": lambda: whole(profile=None),
    "R03": lambda: whole(ubl_version="2.0"),
    "R04": lambda: whole(identifier=" "),
    "R05": lambda: whole(issue_date=date(2026, 9, 14)),
    "R06": lambda: whole(type_code="999"),
    "R07": lambda: whole(sequence=0),
    "R09": lambda: whole(currency="USD"),
    "R10": lambda: party(electronic_address=Identifier("123456782")),
    "R11": lambda: party(registration=None),
    "R12": lambda: party(address=None),
    "R13": lambda: line(purpose=LinePurpose.COST),
    "R14": lambda: line(credit=eur("1")),
    "R15": lambda: line(references=(refers("C-1", ReferenceKind.CREDIT_NOTE),)),
    "R16": lambda: line(references=(refers("F-1"), refers("F-2"))),
    "R17": lambda: line(purpose=LinePurpose.INTEREST),
    "R20": lambda: whole(totals=ReminderTotals(lines=eur("1"), payable=eur("1250"))),
    "R21": lambda: whole(totals=ReminderTotals(lines=eur("1250"), payable=eur("1251"))),
    "R23": lambda: payment(account=Identifier("FR7630006000011234567890188")),
    "R24": lambda: payment(references=("RF28F2026001",)),
    "R25": lambda: payment(due_date=date(2026, 9, 12)),
    "R26": lambda: payment(due_date=date(2026, 9, 14)),
    "R27": lambda: whole(type_code=ReminderType.FORMAL_NOTICE),
    "R30": lambda: whole(terms=(ReminderTerms(link="http://pay.example/p"),)),
    "R31": lambda: whole(terms=(ReminderTerms(amount=eur("1.005")),)),
    "R32": lambda: whole(
        type_code=ReminderType.ADVICE,
        lines=(PRINCIPAL, dataclasses.replace(PRINCIPAL, purpose=LinePurpose.COMPENSATION)),
    ),
}


@pytest.mark.parametrize("rule", BROKEN)
def test_every_rule_finds_its_breach(rule: str) -> None:
    today = date(2026, 9, 13)
    assert check_reminder(SMALL, today=today) == ()
    broken = BROKEN[rule]()
    if rule == "R26":
        notes = ("Ingebrekestelling",)
        broken = dataclasses.replace(broken, type_code=ReminderType.FORMAL_NOTICE, notes=notes)
    faults = check_reminder(broken, today=today)
    assert rule in {fault.rule for fault in faults}
    assert all(fault.code == "REMINDER-RULE" for fault in faults)
    if rule == "R26":
        assert write_reminder(broken)
    elif rule != "R05":
        with pytest.raises(ReminderRefused):
            write_reminder(broken)


def test_a_structured_message_is_checked_too() -> None:
    assert check_reminder(payment(references=("+++010/8068/17183+++", "order 7"))) == ()
    (fault,) = check_reminder(payment(references=("+++010/8068/17184+++",)))
    assert fault.rule == "R24"


def test_an_account_at_a_bank_that_is_in_no_table_is_taken() -> None:
    assert check_reminder(payment(account=Identifier("BE68539007547034"))) == ()


def test_a_query_in_the_link_is_a_warning() -> None:
    asking = whole(terms=(ReminderTerms(link="https://pay.example/p?mail=a"),))
    (fault,) = check_reminder(asking)
    assert (fault.rule, fault.is_warning) == ("R30", True)
    assert read_reminder(write_reminder(asking)).warnings == (fault,)


@pytest.mark.parametrize(
    "link",
    [
        "https://pay.example/p/7Hs2",
        "https://pay.example:8443",
        "http://127.0.0.1:8701/pay/a",
        "http://127.9.9.9/",
        "http://[::1]:8701/pay/a",
        "http://LOCALHOST/pay/a",
    ],
)
def test_a_payer_is_offered_https_or_this_very_machine(link: str) -> None:
    assert is_payment_link(link)
    assert check_reminder(whole(terms=(ReminderTerms(link=link),))) == ()


@pytest.mark.parametrize(
    "link",
    [
        "http://pay.example/p",
        "http://localhost.pay.example/p",
        "http://127.0.0.1@pay.example/p",
        "http://127.0.0.1.example/p",
        "http://10.0.0.1/p",
        "http://128.0.0.1/p",
        "http://[::2]/p",
        "http:///p",
        "https:/p",
        "https://bank.example@pay.example/p",
        "https://bank.example\\@pay.example/p",
        "https://pay.example:99999/p",
        "https://pay example/p",
        "https://[::1",
        "ftp://127.0.0.1/p",
        "javascript:alert(1)",
        "//pay.example/p",
        "",
    ],
)
def test_other_links_are_not_offered(link: str) -> None:
    assert not is_payment_link(link)
    (fault,) = check_reminder(whole(terms=(ReminderTerms(link=link),)))
    assert (fault.rule, fault.is_warning) == ("R30", False)


def test_our_profile_is_checked_when_read() -> None:
    wrong = write_reminder(SMALL).replace(b"RF29F2026001", b"RF28F2026001")
    with pytest.raises(ReminderRefused) as caught:
        read_reminder(wrong)
    assert [fault.rule for fault in caught.value.faults] == ["R24"]
    assert caught.value.reminder is not None
    assert caught.value.reminder.payment[0].references == ("RF28F2026001",)
    taxed = write_reminder(SMALL).replace(
        b"<cac:LegalMonetaryTotal>",
        b'<cac:TaxTotal><cbc:TaxAmount currencyID="EUR">1</cbc:TaxAmount></cac:TaxTotal>'
        b"<cac:LegalMonetaryTotal>",
    )
    with pytest.raises(ReminderRefused) as caught:
        read_reminder(taxed)
    assert [fault.rule for fault in caught.value.faults] == ["R22"]


def test_text_that_xml_cannot_carry_is_refused() -> None:
    with pytest.raises(ReminderRefused) as caught:
        write_reminder(whole(notes=("bell \x07",)))
    assert caught.value.code == "REMINDER-TEXT"


def test_twenty_thousand_faults_are_not_all_told() -> None:
    empty = '<Reminder xmlns="{}" xmlns:cac="{}">' + "<cac:ReminderLine/>" * 20_000
    names = (document_namespace("Reminder"), CAC)
    with pytest.raises(ReminderRefused) as caught:
        read_reminder((empty.format(*names) + "</Reminder>").encode())
    assert len(caught.value.faults) == 20


def test_many_warnings_hide_no_fault() -> None:
    asking = (ReminderTerms(link="https://pay.example/p?mail=a"),) * 200
    faults = check_reminder(whole(terms=(*asking, ReminderTerms(link="http://pay.example"))))
    assert sum(fault.is_warning for fault in faults) == 100
    assert [fault.rule for fault in faults if not fault.is_warning] == ["R30"]


def test_decimals_are_counted_beyond_the_usual_precision() -> None:
    fine = "1250." + "0" * 30 + "1"
    (fault,) = check_reminder(whole(terms=(ReminderTerms(amount=eur(fine)),)))
    assert fault.rule == "R31"


text = st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=30)
cents = st.integers(1, 10**11).map(lambda minor: Amount(Decimal(minor).scaleb(-2), "EUR"))


@given(amount=cents, note=text, number=text, issued=st.dates(date(2000, 1, 1), date(2026, 9, 1)))
@settings(max_examples=40)
def test_any_sum_number_and_text_survives(
    amount: Amount, note: str, number: str, issued: date
) -> None:
    reference = BillingReference(kind=ReferenceKind.INVOICE, identifier=number, issue_date=issued)
    asked = dataclasses.replace(PRINCIPAL, debit=amount, references=(reference,), notes=(note,))
    totals = ReminderTotals(lines=amount, payable=amount)
    reminder = dataclasses.replace(SMALL, lines=(asked,), totals=totals, identifier=number)
    assert read_reminder(write_reminder(reminder)).reminder == reminder


@given(cut=st.integers(0, 4000), insert=st.binary(max_size=6))
@settings(max_examples=60)
def test_damaged_documents_are_refused_or_read_never_more(cut: int, insert: bytes) -> None:
    data = write_reminder(FULL)
    place = cut % len(data)
    with contextlib.suppress(ReminderRefused, XmlRefused):
        assert read_reminder(data[:place] + insert + data[place + 3 :]).reminder.identifier
