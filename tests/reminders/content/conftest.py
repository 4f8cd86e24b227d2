"""Claims that the forms of a reminder are tested with."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest

from reminders.claim import Claim, ClaimLine, PayTo
from ubl.amounts import Amount
from ubl.model import Address, Buyer, Contact, Identifier, Period, Seller
from ubl.reminder import LinePurpose, ReminderType


def eur(text: str) -> Amount:
    return Amount(Decimal(text), "EUR")


CREDITOR = Seller(
    name="Atelier Lumen SAS",
    trading_name="Atelier Lumen",
    registration=Identifier("123456782", "0002"),
    vat_identifier="FR32123456782",
    legal_information="SAS au capital de 50 000 €",
    electronic_address=Identifier("123456782", "0225"),
    address=Address(line1="12 rue des Tilleuls", city="Lyon", post_code="69003", country="FR"),
    contact=Contact(name="Camille Rochat", telephone="+33 4 00 00 00 00", email="c@lumen.example"),
)
DEBTOR = Buyer(
    name="Koper & Zonen NV",
    registration=Identifier("0123456749", "0208"),
    electronic_address=Identifier("0123456749", "0208"),
    address=Address(line1="Kade 7", line2="Bus 12", city="Gent", post_code="9000", country="BE"),
)
INVOICE = ClaimLine(
    purpose=LinePurpose.PRINCIPAL,
    number="F2026-0187",
    open=eur("1250.00"),
    original=eur("1250.00"),
    issue_date=date(2026, 7, 15),
    due_date=date(2026, 8, 14),
)
LINES = (
    INVOICE,
    ClaimLine(
        purpose=LinePurpose.PRINCIPAL,
        number="F2026-0203",
        open=eur("8420.50"),
        original=eur("12420.50"),
        issue_date=date(2026, 7, 29),
        due_date=date(2026, 8, 28),
        uuid="7c1e0f6e-0000-4000-8000-000000000002",
    ),
    ClaimLine(
        purpose=LinePurpose.INTEREST,
        number="F2026-0187",
        open=eur("12.07"),
        issue_date=date(2026, 7, 15),
        rate=Decimal("12.15"),
        period=Period(start=date(2026, 8, 15), end=date(2026, 9, 12)),
    ),
    ClaimLine(
        purpose=LinePurpose.COMPENSATION,
        number="F2026-0187",
        open=eur("40.00"),
        issue_date=date(2026, 7, 15),
    ),
    ClaimLine(purpose=LinePurpose.COST, number="K-1", open=eur("10.00")),
    ClaimLine(
        purpose=LinePurpose.CREDIT,
        number="A2026-0011",
        open=eur("-312.40"),
        original=eur("-312.40"),
        issue_date=date(2026, 8, 30),
    ),
    ClaimLine(purpose=LinePurpose.PAYMENT, number="09-11", open=eur("-20.17")),
)


@pytest.fixture(scope="session")
def claim() -> Callable[..., Claim]:
    """Make a claim over 9,400.00 EUR that names every kind of line, changed as asked."""

    def make(level: ReminderType = ReminderType.FIRM, **changes: object) -> Claim:
        lines = (INVOICE,) if level is ReminderType.ADVICE else LINES
        facts: dict[str, object] = {
            "identifier": "R-2026-0042",
            "issued_on": date(2026, 9, 12),
            "level": level,
            "sequence": 2,
            "creditor": CREDITOR,
            "debtor": DEBTOR,
            "lines": lines,
            "pay_to": PayTo(
                iban="FR7630006000011234567890189",
                holder="Atelier Lumen SAS",
                bic="AGRIFRPP",
                reference="RF29F2026001",
            ),
            "deadline": date(2026, 9, 27),
            "payment_link": "https://pay.lumen.example/p/7Hs2kQ9vXb4T",
            "customer_number": "C-10288",
        }
        return Claim(**(facts | changes))  # type: ignore[arg-type]  # changes are the test's own

    return make
