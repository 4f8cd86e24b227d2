"""Drafts over HTTP: begun, read, replaced by version, checked, sent once, thrown away."""

import asyncio
import json

import pytest
from sqlalchemy import inspect

from gateway.access.principal import CallerKind, Principal
from gateway.access.roles import SCOPES
from gateway.authoring.keys import DRAFTS
from gateway.authoring.tables import Draft
from gateway.exchange.tables import Document
from schematron import worker as engine

XML = {"Content-Type": "application/xml"}
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module", autouse=True)
def rules():
    engine.initialise()


async def begun(house, number="MA-1", **headers):
    answer = await house.call(
        "POST", "/v1/drafts", data=house.invoice(number), headers={**XML, **headers}
    )
    assert answer.status == 201, answer.body
    return answer


async def replaced(house, draft, invoice, version):
    return await house.call(
        "PUT",
        f"/v1/drafts/{draft['id']}",
        data=json.dumps(invoice),
        headers={**JSON, "If-Match": version},
    )


async def test_a_draft_is_begun_read_changed_checked_and_sent(house):
    answer = await begun(house)
    draft, place = answer.body, answer.headers["Location"]
    assert (draft["number"], draft["origin"], draft["format"]) == ("MA-1", "upload", "auto")
    read = await house.call("GET", place)
    assert (read.body, read.headers["Etag"]) == (draft, '"1"')

    (line,) = draft["invoice"]["lines"]
    wrong = {**draft["invoice"], "lines": [{**line, "vat": {"category": "S", "rate": "0"}}]}
    changed = await replaced(house, draft, wrong, '"1"')
    assert (changed.status, changed.body["version"], changed.headers["Etag"]) == (200, 2, '"2"')
    checked = await house.call("GET", f"{place}/check?lang=fr")
    assert (checked.body["valid"], checked.body["outcome"]) == (False, "invalid")
    (found,) = [one for one in checked.body["messages"] if one["code"] == "BR-S-05"]
    assert (found["pointer"], found["fatal"]) == ("/lines/0/vat/category", True)
    refused = await house.call("POST", f"{place}/send")
    assert (refused.status, refused.body["code"]) == (422, "DRAFT-NOT-READY")
    assert refused.body["problems"][0]["pointer"] == "/lines/0/vat/category"
    assert refused.body["report"]["verdict"] == "invalid"
    assert await house.rows(Document) == []

    mended = {**draft["invoice"], "lines": [{**line, "quantity": {"value": "2", "unit": "C62"}}]}
    named = {"invoice": mended, "format": "peppol-bis-3"}
    assert (await replaced(house, draft, named, '"2"')).body["format"] == "peppol-bis-3"
    assert (await replaced(house, draft, mended, '"3"')).body["format"] == "peppol-bis-3"
    checked = (await house.call("GET", f"{place}/check")).body
    assert (checked["valid"], checked["missing"], checked["version"]) == (True, 0, 4), checked
    assert checked["totals"]["lines"]["value"] == checked["lines"][0]["value"]
    assert checked["vat_breakdown"][0]["rate"] == "21"

    sent = await house.call("POST", f"{place}/send", headers={"If-Match": '"4"'})
    assert (sent.status, sent.body["number"]) == (202, "MA-1"), sent.body
    again = await house.call("POST", f"{place}/send")
    assert (again.status, again.body["id"]) == (202, sent.body["id"])
    assert (await house.call("GET", place)).status == 404
    assert (await house.call("GET", f"{place}/check")).status == 404
    assert len(await house.rows(Document)) == 1


async def test_one_key_begins_one_draft_also_after_it_was_sent(house):
    answers = await asyncio.gather(*(begun(house, **{"Idempotency-Key": "k"}) for _ in range(4)))
    assert len({one.body["id"] for one in answers}) == 1
    assert len(await house.rows(Draft)) == 1
    headers = {**XML, "Idempotency-Key": "k"}
    other = await house.call("POST", "/v1/drafts", data=house.invoice("MA-2"), headers=headers)
    assert (other.status, other.body["code"]) == (409, "IDEMPOTENCY-CONFLICT")
    empty = await house.call("POST", "/v1/drafts", headers={"Idempotency-Key": "k"})
    assert empty.status == 409
    sent = await house.call("POST", f"/v1/drafts/{answers[0].body['id']}/send")
    assert sent.status == 202, sent.body
    late = await house.call("POST", "/v1/drafts", data=house.invoice(), headers=headers)
    assert (late.status, late.body["code"]) == (404, "NOT-FOUND")
    assert await house.rows(Draft) == []


async def test_of_two_who_change_one_version_one_is_told_what_the_other_wrote(house):
    draft = (await begun(house)).body
    answers = await asyncio.gather(
        *(replaced(house, draft, {**draft["invoice"], "number": n}, '"1"') for n in ("A", "B"))
    )
    assert sorted(one.status for one in answers) == [200, 412]
    (kept,) = [one.body for one in answers if one.status == 200]
    (late,) = [one.body for one in answers if one.status == 412]
    mine = {"A": "B", "B": "A"}[kept["number"]]
    assert (late["code"], late["version"]) == ("DRAFT-CHANGED", 2)
    assert late["problems"] == [{"pointer": "/number", "saved": kept["number"], "yours": mine}]
    place = f"/v1/drafts/{draft['id']}"
    assert (await house.call("GET", place)).body == kept
    stale = await house.call("POST", f"{place}/send", headers={"If-Match": '"1"'})
    assert (stale.status, stale.body["code"]) == (412, "DRAFT-CHANGED")
    assert await house.rows(Document) == []


ENDLESS = f'"{"9" * 5000}"'


@pytest.mark.parametrize("tag", [None, '"7"', "nonsense", '"x"', '"1", "2"', "*", 'W/"2"', ENDLESS])
async def test_nobody_replaces_what_he_has_not_seen(lite, tag):
    draft = (await begun(lite)).body
    headers = {**JSON, **({} if tag is None else {"If-Match": tag})}
    answer = await lite.call(
        "PUT", f"/v1/drafts/{draft['id']}", data=json.dumps(draft["invoice"]), headers=headers
    )
    told = (428, "DRAFT-UNSEEN") if tag is None else (412, "DRAFT-CHANGED")
    assert (answer.status, answer.body["code"]) == told
    assert (await lite.call("GET", f"/v1/drafts/{draft['id']}")).body["version"] == 1


async def test_what_somebody_saved_while_it_was_sent_is_not_lost(lite):
    draft = (await begun(lite)).body
    drafts = lite.gateway.web[DRAFTS]
    (seen,) = await lite.rows(Draft)
    await replaced(lite, draft, {**draft["invoice"], "payment_terms": "10 days"}, '"1"')
    somebody = Principal(tenant_id=lite.tenant_id, actor="an", kind=CallerKind.USER, scopes=SCOPES)
    assert not (await drafts.send(somebody, seen)).refused
    (kept,) = await lite.rows(Draft)
    assert kept.invoice["payment_terms"] == "10 days"
    answer = await lite.call("POST", f"/v1/drafts/{draft['id']}/send")
    assert (answer.status, answer.body["code"]) == (409, "DRAFT-SENT")


async def test_documents_are_credited_and_copied(lite):
    sent = await lite.sent("MA-7")
    body = {"make": "credit-note"}
    path = f"/v1/documents/{sent}/drafts"
    first, again = [
        await lite.call("POST", path, json=body, headers={"Idempotency-Key": "c"}) for _ in "ab"
    ]
    assert (first.status, first.body["id"]) == (201, again.body["id"])
    invoice = first.body["invoice"]
    assert (invoice["kind"], invoice["type_code"]) == ("credit-note", "381")
    assert invoice["preceding_invoices"][0]["number"] == "MA-7"
    assert first.body["document_id"] == sent
    copy = await lite.call("POST", path, json={"make": "copy"})
    assert (copy.body["origin"], copy.body["invoice"]["number"]) == ("copy", "MA-8")
    wrong = await lite.call("POST", path, json={"make": "poem"})
    assert wrong.status == 400
    other = await lite.call("POST", path, json={"make": "copy"}, headers={"Idempotency-Key": "c"})
    assert other.status == 409


async def test_drafts_begin_empty_from_data_and_around_a_pdf(lite):
    empty = await lite.call("POST", "/v1/drafts")
    assert (empty.status, empty.body["origin"]) == (201, "blank")
    assert empty.body["invoice"]["seller"]["electronic_address"]["scheme"] == "0208"
    refused = await lite.call("POST", f"/v1/drafts/{empty.body['id']}/send")
    codes = {one["code"] for one in refused.body["problems"]}
    assert (refused.status, codes) == (422, {"MISSING"})
    assert "report" not in refused.body
    spoken = {"Accept-Language": "it;q=0.9, nl;q=0.8"}
    place = f"/v1/drafts/{empty.body['id']}"
    for verb, path, language, says in (
        ("GET", "/check", {}, "Fill this in."),
        ("GET", "/check", spoken, "Vul dit in."),
        ("GET", "/check?lang=de", spoken, "Bitte ausfüllen."),
        ("POST", "/send", spoken, "Vul dit in."),
    ):
        told = (await lite.call(verb, place + path, headers=language)).body
        messages = told["messages" if verb == "GET" else "problems"]
        assert {one["message"] for one in messages if one["code"] == "MISSING"} == {says}

    value = {"invoice": {"kind": "credit-note", "currency": "EUR"}, "format": "facturx-en16931"}
    some = await lite.call("POST", "/v1/drafts", json=value)
    assert (some.body["format"], some.body["invoice"]["type_code"]) == ("facturx-en16931", "381")
    scan = await lite.call(
        "POST",
        "/v1/drafts?file=scan.pdf",
        data=b"%PDF-1.4 scanned",
        headers={"Content-Type": "application/pdf"},
    )
    (enclosed,) = scan.body["invoice"]["supporting_documents"]
    assert enclosed["attachment"]["file_name"] == "scan.pdf"

    first = await lite.call("GET", "/v1/drafts?limit=2")
    rest = await lite.call("GET", f"/v1/drafts?cursor={first.body['next_cursor']}")
    ids = [one["id"] for one in (*first.body["items"], *rest.body["items"])]
    assert ids == [one.body["id"] for one in (scan, some, empty)]
    assert rest.body["next_cursor"] is None
    gone = await lite.call("DELETE", f"/v1/drafts/{empty.body['id']}")
    assert (gone.status, len(await lite.rows(Draft))) == (204, 2)
    assert (await lite.call("DELETE", f"/v1/drafts/{empty.body['id']}")).status == 404


async def test_a_list_of_drafts_does_not_load_what_is_in_them(lite):
    draft = (await begun(lite)).body
    drafts = lite.gateway.web[DRAFTS]
    caller = Principal(tenant_id=lite.tenant_id, actor="an", kind=CallerKind.USER, scopes=SCOPES)
    for (row,) in (await drafts.all(caller), await drafts.page(caller, before=None, limit=2)):
        assert str(row.id) == draft["id"]
        assert inspect(row).unloaded == {"invoice", "unread"}
    (head,) = (await lite.call("GET", "/v1/drafts")).body["items"]
    assert head == {name: draft[name] for name in head}
    assert "invoice" not in head


REFUSED = {
    "unknown field": ({"kind": "invoice", "betrag": 1}, "INVOICE-JSON"),
    "unknown format": ({"invoice": {"kind": "invoice"}, "format": "word"}, "CONVERSION-FORMAT"),
    "no character": ({"invoice": {"kind": "invoice"}, "format": "\ud800"}, "CONVERSION-FORMAT"),
    "contradiction": ({"kind": "credit-note", "type_code": "380"}, "DRAFT-KIND"),
    "too long": ({"kind": "invoice", "lines": [{}] * 5000}, "DRAFT-TOO-LONG"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_no_draft_holds_is_refused_with_advice(lite, name):
    value, code = REFUSED[name]
    answer = await lite.call("POST", "/v1/drafts", json=value)
    assert (answer.status, answer.body["code"]) == (422, code)
    draft = (await begun(lite)).body
    answer = await replaced(lite, draft, value, '"1"')
    assert (answer.status, answer.body["code"]) == (422, code)
    assert answer.body["detail"].endswith(".")
    (kept,) = await lite.rows(Draft)
    assert (kept.version, kept.number) == (1, "MA-1")
