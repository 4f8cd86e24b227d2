"""The receiver's registrations choose the format, and what arrived goes first."""

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.as4.identifiers import (
    BILLING_CREDIT_NOTE,
    BILLING_INVOICE,
    BILLING_INVOICE_CII,
    INVOICE_RESPONSE,
)
from gateway.conversion.choosing import PREFERENCES, Choice, Reason, choose
from gateway.conversion.peppol_types import document_type_of
from ubl.formats import FORMATS
from ubl.model import DocumentKind

INVOICE, CREDIT_NOTE = DocumentKind.INVOICE, DocumentKind.CREDIT_NOTE


def test_document_types_are_those_of_the_code_list():
    assert document_type_of(FORMATS["peppol-bis-3"], INVOICE) == BILLING_INVOICE
    assert document_type_of(FORMATS["peppol-bis-3"], CREDIT_NOTE) == BILLING_CREDIT_NOTE
    for kind in DocumentKind:
        assert document_type_of(FORMATS["peppol-bis-3-cii"], kind) == BILLING_INVOICE_CII


def test_what_arrived_is_kept_where_the_receiver_takes_it():
    taken = [document_type_of(FORMATS[one], INVOICE) for one in ("peppol-bis-3", "xrechnung-cii")]
    assert choose(INVOICE, taken[1], taken) == Choice(None, Reason.ARRIVED)


def test_a_credit_note_asks_for_credit_notes():
    xrechnung = document_type_of(FORMATS["xrechnung-ubl"], CREDIT_NOTE)
    choice = choose(CREDIT_NOTE, None, [BILLING_INVOICE, xrechnung])
    assert (choice.format.id, choice.reason) == ("xrechnung-ubl", Reason.REGISTERED)


def test_a_receiver_of_something_else_is_told_apart():
    choice = choose(INVOICE, BILLING_INVOICE_CII, [INVOICE_RESPONSE])
    assert (choice.format.id, choice.reason) == ("peppol-bis-3", Reason.NOTHING_FITS)


@settings(deadline=None)
@given(
    arrived=st.sampled_from([None, *FORMATS.values()]),
    taken=st.frozensets(st.sampled_from(list(FORMATS.values()))),
    kind=st.sampled_from(list(DocumentKind)),
)
def test_a_choice_is_always_one_the_receiver_takes_or_says_so(arrived, taken, kind):
    registered = {document_type_of(one, kind) for one in taken}
    came_as = document_type_of(arrived, kind) if arrived is not None else None
    choice = choose(kind, came_as, registered)
    sent_as = document_type_of(choice.format, kind) if choice.format is not None else came_as
    assert (sent_as in registered) is (choice.reason is not Reason.NOTHING_FITS)
    if choice.reason is Reason.REGISTERED:
        better = PREFERENCES[: PREFERENCES.index(choice.format.id)]
        assert not any(document_type_of(FORMATS[one], kind) in registered for one in better)
