"""What delivery and lists take from an invoice."""

import re
from datetime import date

import pytest
from exchange_reminders import DEADLINE, ISSUED, reminder_bytes

from gateway.core.errors import GatewayError
from gateway.exchange.facts import read_facts, reminder_facts
from gateway.exchange.tables import DocumentKind
from ubl.invoice import read_invoice
from ubl.reminder_read import read_reminder
from ubl.safexml import parse


def facts_of(content):
    root = parse(content)
    return read_facts(root, read_invoice(root).invoice)


def changed(content, pattern, replacement, count=1):
    found, times = re.subn(pattern, replacement, content.decode(), count=count)
    assert times
    return found.encode()


def test_everything_a_list_shows_is_read(make_invoice):
    found = facts_of(make_invoice("VT-77"))
    assert found.kind is DocumentKind.INVOICE
    assert (found.number, found.currency) == ("VT-77", "EUR")
    assert (found.issue_date, found.due_date) == (date(2026, 11, 2), date(2026, 12, 2))
    assert found.amount_minor == 67954  # 18 crates at 31.20 and 21 % VAT
    assert found.sender.value == "0208:0765432146"
    assert found.receiver.value == "0208:0876543270"
    assert (found.sender_name, found.receiver_name) == (
        "Brouwerij De Vuurtoren BV",
        "Café des Deux Rives SRL",
    )
    assert str(found.document_type) == (
        "busdox-docid-qns::urn:oasis:names:specification:ubl:schema:xsd:Invoice-2::Invoice##"
        "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0::2.1"
    )
    assert found.process.value == "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"


@pytest.mark.parametrize(
    ("pattern", "replacement"),
    [
        (r"<cbc:EndpointID[^>]*>[^<]*</cbc:EndpointID>", ""),
        (r'(<cbc:EndpointID) schemeID="0208"', r"\1"),
        (r'(<cbc:EndpointID schemeID=")0208', r"\g<1>no scheme"),
        (r"(<cbc:EndpointID[^>]*>)[^<]*", rf"\g<1>{'9' * 300}"),
        (r"<cbc:ProfileID>[^<]*</cbc:ProfileID>", ""),
        (r"(<cbc:CustomizationID>)[^<]*", rf"\g<1>{'x' * 2000}"),
    ],
)
def test_what_cannot_be_addressed_is_refused_with_a_sentence(make_invoice, pattern, replacement):
    with pytest.raises(GatewayError) as refused:
        facts_of(changed(make_invoice(), pattern, replacement))
    assert refused.value.code == "DOCUMENT-ADDRESS"
    assert refused.value.message.endswith(".")


def test_a_missing_process_is_named(make_invoice):
    with pytest.raises(GatewayError, match=re.escape("(BT-23) is missing")):
        facts_of(changed(make_invoice(), r"<cbc:ProfileID>[^<]*</cbc:ProfileID>", ""))


@pytest.mark.parametrize(
    ("pattern", "replacement"),
    [
        (r'(<cbc:PayableAmount currencyID="EUR">)[^<]*', r"\g<1>12.345"),
        (r'(<cbc:PayableAmount currencyID=")EUR', r"\g<1>USD"),
        (r"<cbc:PayableAmount.*?</cbc:PayableAmount>", ""),
        (r'(<cbc:PayableAmount currencyID="EUR">)[^<]*', rf"\g<1>{2**63}.00"),
    ],
)
def test_an_amount_that_no_column_holds_is_left_out_not_rounded(make_invoice, pattern, replacement):
    assert facts_of(changed(make_invoice(), pattern, replacement)).amount_minor is None


@pytest.mark.parametrize("currency", ["eur", "EU1", "€€€", "EURO"])
def test_what_is_no_currency_is_left_out(make_invoice, currency):
    content = changed(make_invoice(), "EUR<", f"{currency}<")
    content = changed(content, 'currencyID="EUR"', f'currencyID="{currency}"', count=0)
    found = facts_of(content)
    assert (found.currency, found.amount_minor) == (None, None)


def test_everything_a_list_shows_is_read_of_a_reminder():
    content = reminder_bytes("R-77", invoices=("VT-1", "VT-2", "VT-1"))
    found = reminder_facts(read_reminder(content).reminder)
    assert (found.number, found.level) == ("R-77", "REM")
    assert (found.issue_date, found.due_date) == (ISSUED, DEADLINE)
    assert (found.amount_minor, found.currency) == (150000, "EUR")
    assert (found.sender_name, found.receiver_name) == (
        "Brouwerij De Vuurtoren BV",
        "Café des Deux Rives SRL",
    )
    assert found.invoices == ("VT-1", "VT-2")


def test_names_are_cut_to_what_a_column_holds(make_invoice):
    content = changed(make_invoice("N" * 500), "Brouwerij De Vuurtoren BV", "V" * 900, count=0)
    found = facts_of(content)
    assert len(found.number) == 200
    assert len(found.sender_name) == 300
