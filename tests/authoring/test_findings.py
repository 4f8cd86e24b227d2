"""What is wrong with an allowance or a charge stands at its own fields."""

from types import SimpleNamespace
from uuid import uuid4

import pytest

from gateway.authoring.checking import check_draft
from gateway.authoring.view import FormView
from gateway.conversion.writing import Order, format_named, write_document
from gateway.core.clock import now
from schematron import worker as engine

PARTY = {
    "electronic_address": {"value": "0765432146", "scheme": "0208"},
    "address": {"country": "BE"},
}
LINE = {
    "quantity": {"value": "2", "unit": "C62"},
    "item": {"name": "Crate"},
    "price": {"net": {"value": "10"}},
    "vat": {"category": "S", "rate": "21"},
}
BASE = {
    "type_code": "380",
    "number": "A-1",
    "issue_date": "2026-11-22",
    "due_date": "2026-12-22",
    "currency": "EUR",
    "buyer_reference": "PO-7",
    "seller": {**PARTY, "name": "Vuurtoren BV", "vat_identifier": "BE0765432146"},
    "buyer": {**PARTY, "name": "Deux Rives SRL"},
}
GOOD = {"amount": {"value": "1"}, "vat_category": "S", "vat_rate": "21", "reason": "bulk"}


class Writer:
    """Conversion without a database: writes, and has the real rules judge."""

    async def write(self, invoice, wanted, **_how):
        return write_document(invoice, Order(format=format_named(wanted), at=now(), bare=True))

    async def judge(self, _tenant, written, *, lang):
        report = engine.run(written.content, file="a.xml", as_of="2026-11-22", lang=lang)
        return SimpleNamespace(report=report, outcome=report["verdict"])


@pytest.fixture(scope="module", autouse=True)
def rules():
    engine.initialise()


async def checked(wanted="auto", *, lang="en", **fields):
    draft = SimpleNamespace(invoice={**BASE, "lines": [LINE], **fields}, wanted=wanted)
    return await check_draft(Writer(), uuid4(), draft, lang=lang)


async def found(wanted="auto", **fields):
    messages = (await checked(wanted, **fields)).messages
    return {path: {one.code for one in said} for path, said in messages.items()}


async def test_of_the_document():
    no_reason = {**GOOD, "reason": ""}
    wrong_rate = {**GOOD, "vat_rate": "0"}
    messages = await found(allowances=[{}, GOOD, no_reason], charges=[no_reason, wrong_rate, GOOD])
    assert "BR-33" in messages["allowances.2.reason"]
    assert "BR-38" in messages["charges.0.reason"]
    assert "BR-S-07" in messages["charges.1.vat_category"]
    assert not [path for path in messages if path.startswith(("allowances.1", "charges.2"))]


async def test_of_a_line():
    bare, odd = {"amount": {"value": "1"}}, {"amount": {"value": "1"}, "reason_code": "XX"}
    lines = [LINE, {**LINE, "allowances": [bare, odd], "charges": [bare]}]
    messages = await found(lines=lines, allowances=[GOOD, GOOD])
    assert "BR-42" in messages["lines.1.allowances.0.reason"]
    assert "BR-CL-19" in messages["lines.1.allowances.1.reason"]
    assert "BR-44" in messages["lines.1.charges.0.reason"]
    assert not [path for path in messages if path.startswith("allowances")]


async def test_what_is_missing_is_asked_for_first():
    messages = await found(
        allowances=[{"reason": "bulk"}],
        charges=[{"percentage": "5", "base_amount": {"value": "20"}, "reason": "freight"}],
        lines=[{**LINE, "allowances": [{"reason": "bulk"}]}],
    )
    assert messages == {
        "allowances.0.amount": {"MISSING"},
        "allowances.0.vat_category": {"MISSING"},
        "charges.0.vat_category": {"MISSING"},
        "lines.0.allowances.0.amount": {"MISSING"},
    }


def taxed(category, rate="0"):
    return {**LINE, "vat": {"category": category, "rate": rate}}


def reason(category, rate="0", **said):
    return {"category": category, "rate": rate, **said}


async def test_of_the_reasons_why_there_is_no_vat():
    lines = [LINE, taxed("E"), taxed("AE"), taxed("K")]
    held = [
        reason("G", exemption_reason="of another time"),
        {},
        reason("AE", exemption_reason_code="VATEX-EU-132"),
        reason("K", "0.00", exemption_reason_code="NONSENSE"),
    ]
    messages = await found(lines=lines, vat_breakdown=held)
    # The draft has no row for category E yet; it will be the one behind the last.
    assert messages["vat_breakdown.4.exemption_reason"] == {"BR-E-10"}
    assert "BR-CL-22" in messages["vat_breakdown.3.exemption_reason_code"]
    assert {one for one in messages if one.startswith("vat_breakdown")} == {
        "vat_breakdown.4.exemption_reason",
        "vat_breakdown.3.exemption_reason_code",
    }
    # A rule about a whole category stands at what would mend it.
    assert "BR-IC-11" in messages["delivery.delivered_on"]


async def test_of_a_reason_that_belongs_to_another_category():
    held = [reason("AE", exemption_reason_code="VATEX-EU-IC")]
    messages = await found(lines=[LINE, taxed("AE")], vat_breakdown=held)
    assert messages["vat_breakdown.0.exemption_reason_code"] == {"PEPPOL-EN16931-P0106"}


async def test_of_a_reason_where_vat_is_charged():
    held = [reason("S", "21.0", exemption_reason="none")]
    messages = await found(vat_breakdown=held)
    assert messages == {"vat_breakdown.0.exemption_reason": {"BR-S-10"}}
    (shown,) = FormView(
        {"vat_breakdown": held}, await checked(vat_breakdown=held), language="en"
    ).vat_reasons()
    assert (shown.path, shown.category) == ("vat_breakdown.0", "S")


@pytest.mark.parametrize(
    ("location", "field"),
    [
        ("/ram:ApplicableTradeTax[2]/ram:CategoryCode", "vat_breakdown.1.exemption_reason"),
        ("/ram:ApplicableTradeTax[1]", "vat_breakdown.0.exemption_reason_code"),
        ("/ram:ApplicableTradeTax[3]", None),
        ("/ram:ApplicableTradeTax[4]", None),
        ("/ram:ApplicableTradeTax", None),
        ("", None),
    ],
)
async def test_of_a_reason_in_cii(monkeypatch, location, field):
    """The rules of CII are not part of the product, so that one finding stands for them."""
    finding = {
        "rule": "R",
        "severity": "fatal",
        "terms": ["BG-23", "BT-118", "BT-121", "BT-120"],
        "location": f"//ram:ApplicableHeaderTradeSettlement{location}",
        "message": "Say why.",
    }
    monkeypatch.setattr(
        engine, "run", lambda *_, **__: {"findings": [finding], "verdict": "invalid"}
    )
    lines = [taxed("AE"), taxed("E"), LINE]
    held = [reason("AE", exemption_reason_code="VATEX-EU-AE"), reason("E")]
    messages = await found("xrechnung-cii", lines=lines, vat_breakdown=held)
    assert [one for one in messages if one.startswith("vat")] == ([field] if field else [])


@pytest.mark.parametrize(
    ("lang", "missing", "unreadable"),
    [
        ("en", "Fill this in.", "This is not a date."),
        ("fr", "À remplir.", "Ce n'est pas une date."),
        ("nl", "Vul dit in.", "Dit is geen datum."),
        ("de", "Bitte ausfüllen.", "Das ist kein Datum."),
    ],
)
async def test_what_keeps_the_rules_from_being_asked_is_said_in_the_readers_language(
    lang, missing, unreadable
):
    (gap,) = (await checked(lang=lang, buyer={})).messages["buyer.name"]
    (slip,) = (await checked(lang=lang, issue_date="tomorrow")).messages["issue_date"]
    assert (gap.text, slip.text) == (missing, unreadable)
