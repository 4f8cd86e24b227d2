"""An invoice as JSON says the same as the invoice, and bad JSON is refused place by place."""

import base64
import enum
import json
from datetime import date
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ubl.amounts import Amount
from ubl.invoice import read_invoice
from ubl.json_text import JsonRefused, parse_json
from ubl.model import Attachment, Invoice, field_types, value_type
from ubl.model_json import invoice_from_json, invoice_to_json
from ubl.model_json_schema import invoice_schema
from ubl.reading import DocumentUnreadable
from ubl.safexml import XmlRefused, parse

TEXT = st.text(
    st.characters(
        codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff"
    ),
    min_size=1,
    max_size=12,
).filter(str.strip)
NUMBER = st.decimals(
    allow_nan=False, allow_infinity=False, places=4, min_value=-(10**9), max_value=10**9
)
PLAIN = {
    str: TEXT,
    bool: st.booleans(),
    date: st.dates(min_value=date(1990, 1, 1)),
    Decimal: NUMBER,
    Amount: st.builds(Amount, NUMBER, st.sampled_from(["EUR", "SEK", "USD"])),
    Attachment: st.builds(
        Attachment,
        encoded=st.binary(min_size=1, max_size=30).map(
            lambda data: base64.b64encode(data).decode()
        ),
        mime_type=st.none() | TEXT,
        file_name=st.none() | TEXT,
    ),
}


def values_of(model: type, depth: int = 0) -> st.SearchStrategy[Any]:
    """Any value of a class of the model, by its fields alone."""
    if model in PLAIN:
        return PLAIN[model]
    if issubclass(model, enum.Enum):
        return st.sampled_from(list(model))
    fields = {}
    for name, hint in field_types(model).items():
        inner, repeats = value_type(hint)
        optional = not repeats and "None" in str(getattr(hint, "__origin__", hint))
        if (depth > 3 or (inner is model and depth > 1)) and (repeats or optional):
            continue
        value = st.deferred(lambda inner=inner: values_of(inner, depth + 1))
        if repeats:
            value = st.lists(value, max_size=2).map(tuple)
        fields[name] = (st.none() | value) if optional else value
    return st.builds(model, **fields)


@settings(max_examples=25)
@given(values_of(Invoice))
def test_what_is_written_is_read_again(invoice: Invoice) -> None:
    text = json.dumps(invoice_to_json(invoice), ensure_ascii=False)
    assert invoice_from_json(parse_json(text.encode())) == invoice


SCHEMA = invoice_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def test_every_corpus_invoice_survives_and_fits_the_schema(cases: list[dict[str, Any]]) -> None:
    seen = 0
    for case in cases:
        if "invoice" not in case["syntax"] and "cii" not in case["syntax"]:
            continue
        if not case["expected"].get("valid"):
            continue
        try:
            invoice = read_invoice(parse(case["path"].read_bytes())).invoice
        except (XmlRefused, DocumentUnreadable):
            continue
        value = invoice_to_json(invoice)
        assert invoice_from_json(value) == invoice, case["id"]
        assert [error.message for error in VALIDATOR.iter_errors(value)] == [], case["id"]
        seen += 1
    assert seen > 200


def test_the_schema_is_a_schema_and_names_every_business_term() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    numbers = {
        field["x-en16931"]
        for group in (SCHEMA, *SCHEMA["$defs"].values())
        for field in group.get("properties", {}).values()
        if "x-en16931" in field
    }
    assert {f"BT-{n}" for n in range(1, 166) if n != 4} <= numbers
    assert {"BG-4", "BG-25", "BG-DEX-01", "BT-X-8"} <= numbers


def test_the_schema_names_the_lists_codes_are_from() -> None:
    fields = SCHEMA["properties"]
    assert fields["type_code"]["x-code-lists"] == ["UNTDID 1001"]
    assert fields["currency"]["x-code-lists"] == ["ISO 4217"]
    assert SCHEMA["$defs"]["Seller"]["properties"]["electronic_address"]["x-code-lists"] == ["EAS"]


def test_the_published_schema_is_this_one() -> None:
    published = Path(str(resources.files("gateway.web"))) / "invoice.schema.json"
    assert json.loads(published.read_text("utf-8")) == SCHEMA, (
        "run: gateway schema invoice > gateway/web/invoice.schema.json"
    )


def test_currencies_may_be_left_out() -> None:
    invoice = invoice_from_json(
        {
            "kind": "invoice",
            "currency": "EUR",
            "vat_accounting_currency": "SEK",
            "totals": {
                "due": {"value": "10.50"},
                "vat_in_accounting_currency": {"value": "3"},
                "paid": {"value": 1, "currency": "USD"},
            },
        }
    )
    assert invoice.totals is not None
    assert invoice.totals.due == Amount(Decimal("10.50"), "EUR")
    assert invoice.totals.vat_in_accounting_currency == Amount(Decimal(3), "SEK")
    assert invoice.totals.paid == Amount(Decimal(1), "USD")


@pytest.mark.parametrize(
    ("document", "code", "pointer", "term", "advice"),
    [
        ([], "JSON-NOT-OBJECT", "", None, "a list"),
        ({}, "JSON-REQUIRED", "/kind", None, "'kind' is missing"),
        ({"kind": "bill"}, "JSON-NOT-CHOICE", "/kind", None, "'credit-note'"),
        ({"kind": "invoice", "numbr": "1"}, "JSON-FIELD-UNKNOWN", "/numbr", None, "'number'"),
        ({"kind": "invoice", "number": 7}, "JSON-NOT-TEXT", "/number", "BT-1", "a number"),
        (
            {"kind": "invoice", "number": "a\x00"},
            "JSON-TEXT-UNWRITABLE",
            "/number",
            "BT-1",
            "U+0000",
        ),
        ({"kind": "invoice", "due_date": "1.2.26"}, "JSON-NOT-DATE", "/due_date", "BT-9", "2026"),
        ({"kind": "invoice", "due_date": "20260131"}, "JSON-NOT-DATE", "/due_date", "BT-9", "2026"),
        ({"kind": "invoice", "is_test": "yes"}, "JSON-NOT-BOOLEAN", "/is_test", "BT-X-1", "true"),
        ({"kind": "invoice", "lines": {}}, "JSON-NOT-LIST", "/lines", "BG-25", "an object"),
        (
            {"kind": "invoice", "lines": [{}, {"vat": {"rate": 19.5}}]},
            "JSON-FLOAT",
            "/lines/1/vat/rate",
            "BT-152",
            "in quotes",
        ),
        (
            {"kind": "invoice", "lines": [{"quantity": {"value": "1,5"}}]},
            "JSON-NOT-NUMBER",
            "/lines/0/quantity/value",
            "BT-129",
            "1,5",
        ),
        (
            {"kind": "invoice", "totals": {"due": "10.00"}},
            "JSON-NOT-AMOUNT",
            "/totals/due",
            "BT-115",
            '{"value"',
        ),
        (
            {"kind": "invoice", "totals": {"due": {"value": "1", "currency": "euro"}}},
            "JSON-NOT-CURRENCY",
            "/totals/due/currency",
            "BT-115",
            "ISO 4217",
        ),
        (
            {"kind": "invoice", "totals": {"due": {"amount": "1"}}},
            "JSON-FIELD-UNKNOWN",
            "/totals/due/amount",
            "BT-115",
            "Known are: value, currency",
        ),
        (
            {"kind": "invoice", "seller": {"electronic_address": {"scheme": "0088"}}},
            "JSON-REQUIRED",
            "/seller/electronic_address/value",
            "BT-34",
            "missing",
        ),
        (
            {"kind": "invoice", "supporting_documents": [{"attachment": {"encoded": "?"}}]},
            "JSON-NOT-BASE64",
            "/supporting_documents/0/attachment/encoded",
            "BT-125",
            "base64",
        ),
    ],
)
def test_bad_json_is_refused_where_it_is(
    document: Any, code: str, pointer: str, term: str | None, advice: str
) -> None:
    with pytest.raises(JsonRefused) as refused:
        invoice_from_json(document)
    (problem,) = [one for one in refused.value.problems if one.code == code]
    assert (problem.pointer, problem.term) == (pointer, term)
    assert advice in problem.advice


def test_all_problems_are_told_at_once_but_not_without_end() -> None:
    with pytest.raises(JsonRefused) as refused:
        invoice_from_json({"kind": "invoice", "number": 1, "issue_date": 2, "lines": [1] * 500})
    assert [one.term for one in refused.value.problems[:2]] == ["BT-1", "BT-2"]
    assert len(refused.value.problems) == 100
    assert refused.value.code == "JSON-NOT-TEXT"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"{", "JSON-MALFORMED"),
        (b"\xff", "JSON-NOT-UTF8"),
        (b'{"a": NaN}', "JSON-MALFORMED"),
        (b'{"a": 1e999999}', "JSON-MALFORMED"),
        (b'{"a": 1, "a": 2}', "JSON-NAME-TWICE"),
        (b"[" * 50 + b"]" * 50, "JSON-TOO-DEEP"),
        (b"[" * 100_000, "JSON-TOO-DEEP"),
        (b" " * 1001, "JSON-TOO-LARGE"),
    ],
)
def test_text_that_is_no_json_of_ours_is_refused(content: bytes, code: str) -> None:
    with pytest.raises(JsonRefused) as refused:
        parse_json(content, max_bytes=1_000_000 if len(content) != 1001 else 1000)
    assert refused.value.code == code


def test_decimal_literals_keep_every_digit() -> None:
    assert parse_json(b'{"a": 0.10, "b": 2}') == {"a": Decimal("0.10"), "b": 2}
    assert str(parse_json(b"0.10")) == "0.10"


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from([*field_types(Invoice), "x"]), inner, max_size=4)
        ),
        max_leaves=8,
    )
)
@settings(max_examples=60)
def test_whatever_comes_is_read_or_refused(document: Any) -> None:
    try:
        read = invoice_from_json(document)
    except JsonRefused:
        return
    assert isinstance(read, Invoice)


def test_what_is_refused_beyond_the_list_is_still_refused() -> None:
    """Problems past the hundredth are not told, and must not count as none."""
    wrong = {f"x{n}": 1 for n in range(100)}
    document = wrong | {"kind": "invoice", "supporting_documents": [{"attachment": {}}]}
    with pytest.raises(JsonRefused) as refused:
        invoice_from_json(document | {"lines": [{"item": {"attributes": [{}] * 2}}]})
    assert len(refused.value.problems) == 100


def test_many_unknown_names_are_not_all_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []

    def near(name: str, *_args: Any, **_options: Any) -> list[str]:
        compared.append(name)
        return []

    monkeypatch.setattr("ubl.model_json.difflib.get_close_matches", near)
    with pytest.raises(JsonRefused):
        invoice_from_json({f"x{n}": 1 for n in range(5000)})
    assert len(compared) == 100


@pytest.mark.parametrize(
    "content",
    [
        b'{"\\ud800": 1}',
        b'{"\\ud800": 1, "\\ud800": 2}',
        b'{"kind": "invoice", "lines": [{"quantity": {"value": "\\udfff"}}]}',
    ],
)
def test_what_is_told_of_a_refusal_can_be_sent(content: bytes) -> None:
    """Half a surrogate pair cannot be encoded, whether in a name or in a value."""
    with pytest.raises(JsonRefused) as refused:
        invoice_from_json(parse_json(content))
    for problem in refused.value.problems:
        assert (problem.pointer + problem.advice).encode()


def test_a_name_given_twice_is_found_among_many() -> None:
    names = ",".join(f'"k{n}":1' for n in range(60_000))
    with pytest.raises(JsonRefused, match="'k59999' is given twice"):
        parse_json(f'{{{names},"k59999":2}}'.encode())


def test_days_are_calendar_days() -> None:
    with pytest.raises(JsonRefused) as refused:
        invoice_from_json({"kind": "invoice", "issue_date": "2026-W01-1"})
    assert refused.value.code == "JSON-NOT-DATE"
