"""What is wrong with an allowance or a charge stands at its own fields."""

from types import SimpleNamespace
from uuid import uuid4

import pytest

from gateway.authoring.checking import check_draft
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


async def found(**fields):
    draft = SimpleNamespace(invoice={**BASE, "lines": [LINE], **fields}, wanted="auto")
    checked = await check_draft(Writer(), uuid4(), draft, lang="en")
    return {path: {one.code for one in said} for path, said in checked.messages.items()}


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
