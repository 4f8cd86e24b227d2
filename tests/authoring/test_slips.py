"""Slips in identifiers are pointed out beside their fields while an invoice is being written."""

from types import SimpleNamespace
from uuid import uuid4

from gateway.authoring.checking import check_draft


async def slips_of(lang, **fields):
    """What is said of a draft that nothing else can be said of yet: it has no number."""
    draft = SimpleNamespace(invoice={"currency": "EUR", **fields}, wanted="auto")
    checked = await check_draft(None, uuid4(), draft, lang=lang)
    assert checked.judged is None
    found = (pair for pair in checked.messages.items() if pair[1][0].code != "MISSING")
    return {path: messages[0] for path, messages in found}


async def test_a_wrong_digit_is_pointed_out_in_the_language_of_the_page():
    found = await slips_of(
        "nl",
        seller={
            "vat_identifier": "BE0765432147",
            "electronic_address": {"value": "0765432146", "scheme": "0208"},
        },
        payment=[{"credit_transfers": [{"account": {"value": "BE68539007547035"}}]}],
    )
    assert set(found) == {"seller.vat_identifier", "payment.0.credit_transfers.0.account"}
    message = found["seller.vat_identifier"]
    assert (message.code, message.fatal) == ("IDENTIFIER-CHECK-DIGIT", False)
    assert message.text.startswith("Btw-nummer 'BE0765432147': het controlegetal klopt niet.")


async def test_right_identifiers_and_drafts_without_any_say_nothing():
    assert await slips_of("en") == {}
    assert await slips_of("en", seller={"vat_identifier": "BE0765432146"}) == {}
