"""The schema: what is named when it is broken, and that nothing but its own files is read."""

import pytest
from lxml import etree

from schematron.xsd import MAX_FAILURES, SchemaValidator
from ubl.safexml import parse


@pytest.fixture(scope="module")
def validator(registry) -> SchemaValidator:
    schema = registry.schemas_for("ubl-invoice", None)
    return SchemaValidator(main=schema.main, files=registry.artefacts.schema_files(schema))


def check(validator: SchemaValidator, text: str):
    return validator.check(parse(text.encode()))[0]


def test_a_correct_invoice_breaks_nothing(validator, invoice):
    assert check(validator, invoice) == []


@pytest.mark.parametrize(
    ("old", "new", "rule", "name", "expected"),
    [
        ("<cbc:ID>2026-117</cbc:ID>", "", "XSD-ELEMENT-UNEXPECTED", "cbc:IssueDate", "cbc:ID"),
        (
            "<cbc:IssueDate>",
            "<cbc:IssueDate>2026-10-05</cbc:IssueDate><cbc:IssueDate>",
            "XSD-ELEMENT-UNEXPECTED",
            "cbc:IssueDate",
            "",
        ),
        (
            '<cbc:PriceAmount currencyID="EUR">10.00</cbc:PriceAmount>',
            "",
            "XSD-ELEMENT-MISSING",
            "cac:Price",
            "cbc:PriceAmount",
        ),
        ('PriceAmount currencyID="EUR"', "PriceAmount", "XSD-ATTRIBUTE-MISSING", "currencyID", ""),
        ('unitCode="C62"', 'unit="C62"', "XSD-ATTRIBUTE-UNEXPECTED", "unit", ""),
        (">10.00<", ">10,00<", "XSD-VALUE", "cbc:PriceAmount", ""),
        ("<cac:InvoiceLine>", "<cac:InvoiceLine>x", "XSD-TEXT-UNEXPECTED", "cac:InvoiceLine", ""),
        ("Keg</cbc:Name>", "Keg<cbc:ID/></cbc:Name>", "XSD-ELEMENT-UNEXPECTED", "cbc:Name", ""),
    ],
)
def test_what_is_wrong_is_named(validator, invoice, old, new, rule, name, expected):
    assert old in invoice
    (failure,) = check(validator, invoice.replace(old, new, 1))
    assert (failure.rule, failure.name, failure.expected) == (rule, name, expected)
    assert failure.place is not None
    assert "{" not in failure.detail


def test_failures_are_capped(validator, invoice):
    text = invoice.replace("<cac:InvoiceLine>", "<cbc:Bad/><cac:InvoiceLine>")
    start, end = text.index("  <cac:InvoiceLine>".replace("  ", "")), text.index("</Invoice>")
    line = text[start:end].replace(">10.00<", ">x<")
    many = invoice[: invoice.index("  <cac:InvoiceLine>")] + line * 260 + "</Invoice>"
    failures, more = validator.check(parse(many.encode()))
    assert len(failures) == MAX_FAILURES
    assert more == 260 - MAX_FAILURES


def test_a_schema_location_in_the_document_is_not_followed(validator, invoice, tmp_path):
    other = tmp_path / "other.xsd"
    other.write_text("not a schema")
    text = invoice.replace(
        "<Invoice ",
        '<Invoice xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        f'xsi:schemaLocation="urn:x {other.as_uri()}" ',
    )
    assert check(validator, text) == []


def test_a_schema_cannot_reach_files_it_was_not_given(tmp_path):
    outside = tmp_path / "outside.xsd"
    outside.write_text(
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="a"/></xs:schema>'
    )
    main = (
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">'
        f'<xs:include schemaLocation="{outside.as_uri()}"/></xs:schema>'
    )
    with pytest.raises(etree.XMLSchemaParseError):
        SchemaValidator(main="main.xsd", files={"main.xsd": main.encode()})
