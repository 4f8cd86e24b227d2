"""Fixtures of the validation tests: the third-party corpus, the shipped rule sets, an invoice."""

import json
import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from schematron import registry as registries
from schematron.registry import Registry
from schematron.validate import Options

CHECKOUT = Path(__file__).resolve().parents[2]
CORPUS = CHECKOUT.parent / "shared" / "corpus"

UBL = "urn:oasis:names:specification:ubl:schema:xsd"

INVOICE = f"""<?xml version="1.0" encoding="UTF-8"?>
<Invoice xmlns="{UBL}:Invoice-2" xmlns:cac="{UBL}:CommonAggregateComponents-2"
         xmlns:cbc="{UBL}:CommonBasicComponents-2">
  <cbc:CustomizationID>urn:cen.eu:en16931:2017</cbc:CustomizationID>
  <cbc:ID>2026-117</cbc:ID>
  <cbc:IssueDate>2026-10-05</cbc:IssueDate>
  <cbc:DueDate>2026-11-04</cbc:DueDate>
  <cbc:InvoiceTypeCode>380</cbc:InvoiceTypeCode>
  <cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode>
  <cac:AccountingSupplierParty><cac:Party>
    <cac:PostalAddress><cac:Country>
      <cbc:IdentificationCode>BE</cbc:IdentificationCode>
    </cac:Country></cac:PostalAddress>
    <cac:PartyTaxScheme>
      <cbc:CompanyID>BE0123456749</cbc:CompanyID>
      <cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme>
    </cac:PartyTaxScheme>
    <cac:PartyLegalEntity><cbc:RegistrationName>Brouwerij De Linde</cbc:RegistrationName>
    </cac:PartyLegalEntity>
  </cac:Party></cac:AccountingSupplierParty>
  <cac:AccountingCustomerParty><cac:Party>
    <cac:PostalAddress><cac:Country>
      <cbc:IdentificationCode>FR</cbc:IdentificationCode>
    </cac:Country></cac:PostalAddress>
    <cac:PartyLegalEntity><cbc:RegistrationName>Café du Port</cbc:RegistrationName>
    </cac:PartyLegalEntity>
  </cac:Party></cac:AccountingCustomerParty>
  <cac:TaxTotal>
    <cbc:TaxAmount currencyID="EUR">21.00</cbc:TaxAmount>
    <cac:TaxSubtotal>
      <cbc:TaxableAmount currencyID="EUR">100.00</cbc:TaxableAmount>
      <cbc:TaxAmount currencyID="EUR">21.00</cbc:TaxAmount>
      <cac:TaxCategory><cbc:ID>S</cbc:ID><cbc:Percent>21</cbc:Percent>
        <cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:TaxCategory>
    </cac:TaxSubtotal>
  </cac:TaxTotal>
  <cac:LegalMonetaryTotal>
    <cbc:LineExtensionAmount currencyID="EUR">100.00</cbc:LineExtensionAmount>
    <cbc:TaxExclusiveAmount currencyID="EUR">100.00</cbc:TaxExclusiveAmount>
    <cbc:TaxInclusiveAmount currencyID="EUR">121.00</cbc:TaxInclusiveAmount>
    <cbc:PayableAmount currencyID="EUR">121.00</cbc:PayableAmount>
  </cac:LegalMonetaryTotal>
  <cac:InvoiceLine>
    <cbc:ID>1</cbc:ID>
    <cbc:InvoicedQuantity unitCode="C62">10</cbc:InvoicedQuantity>
    <cbc:LineExtensionAmount currencyID="EUR">100.00</cbc:LineExtensionAmount>
    <cac:Item><cbc:Name>Keg</cbc:Name>
      <cac:ClassifiedTaxCategory><cbc:ID>S</cbc:ID><cbc:Percent>21</cbc:Percent>
        <cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:ClassifiedTaxCategory>
    </cac:Item>
    <cac:Price><cbc:PriceAmount currencyID="EUR">10.00</cbc:PriceAmount></cac:Price>
  </cac:InvoiceLine>
</Invoice>
"""


@dataclass(frozen=True)
class Corpus:
    """The third-party test documents and what the official artefacts say about them."""

    folder: Path
    cases: tuple[dict[str, Any], ...]

    def suite(self, *names: str) -> list[dict[str, Any]]:
        found = [case for case in self.cases if case["suite"] in names]
        assert found, f"the corpus has no cases of {names}"
        return found

    def judged_by(self, ruleset: str) -> list[dict[str, Any]]:
        return [case for case in self.cases if ruleset in (case.get("oracle") or {})]

    def sample(self, cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Every fourth case, or all of them where GATEWAY_FULL_CORPUS is set."""
        return cases if os.environ.get("GATEWAY_FULL_CORPUS") else cases[::4]

    def read(self, case: dict[str, Any]) -> bytes:
        return (self.folder / case["file"]).read_bytes()


@pytest.fixture(scope="session")
def corpus() -> Corpus:
    index = CORPUS / "index.jsonl"
    if not index.is_file():
        pytest.skip("the third-party corpus is not beside the checkout (../shared/corpus)")
    lines = index.read_text(encoding="utf-8").splitlines()
    return Corpus(CORPUS, tuple(json.loads(line) for line in lines))


@pytest.fixture(scope="session")
def registry() -> Registry:
    return registries.load()


@pytest.fixture(scope="session")
def invoice() -> str:
    """A correct EN 16931 invoice; tests break it by replacing text."""
    return INVOICE


@pytest.fixture(scope="session")
def today() -> Options:
    return Options(as_of=date(2026, 11, 2))
