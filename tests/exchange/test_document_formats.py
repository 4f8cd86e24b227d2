"""A stored invoice in another format at the console, and the account of one that was converted."""

import dataclasses
import re

import pytest
from exchange_houses import invoice_bytes
from test_renditions import written

from gateway.access.roles import Role
from gateway.conversion.accounts import kept_account, laid_out
from gateway.conversion.fitting import fits
from ubl.formats import FORMATS, Syntax
from ubl.invoice import read_invoice
from ubl.model import Invoice, Note
from ubl.safexml import parse


def invoice(**changes) -> Invoice:
    return dataclasses.replace(read_invoice(parse(invoice_bytes())).invoice, **changes)


async def visitor(house, locale="fr", role=Role.VIEWER):
    """Somebody signed in at the console; gives what a GET answers."""
    cookies = await house.sign_in(role=role, locale=locale)

    async def get(path):
        answer = await house.session.get(f"{house.url}{path}", cookies=cookies)
        return answer.status, answer.headers, await answer.read()

    return get


async def sent(house, content) -> str:
    answer = await house.submit(content)
    assert answer.status == 202, answer.body
    return f"/documents/{answer.body['id']}"


def words(body: bytes) -> str:
    return re.sub(r"\s+", " ", body.decode())


def test_formats_that_hold_everything_are_told_from_those_that_do_not():
    found = {one.format.id: one.whole for one in fits(invoice(), besides=FORMATS["peppol-bis-3"])}
    assert "peppol-bis-3" not in found
    assert not any(name.startswith("fr-") for name in found)
    assert found["xrechnung-cii"]
    assert found["facturx-en16931"]
    assert not found["facturx-minimum"]
    french = fits(invoice(business_process="S1"))
    assert {one.format.id for one in french} == set(FORMATS)
    assert {one.format.syntax for one in french} == set(Syntax)


async def test_what_loses_nothing_is_downloaded_at_once(lite):
    path = await sent(lite.sender, written(invoice()))
    get = await visitor(lite.sender)
    status, _, page = await get(path)
    assert (status, f'href="{path}/formats"' in words(page)) == (200, True)
    status, _, page = await get(f"{path}/formats")
    assert status == 200
    assert "VT-1 dans un autre format" in words(page)
    assert f'href="{path}/formats?to=xrechnung-cii"' in words(page)
    status, headers, content = await get(f"{path}/formats?to=en16931-ubl")
    assert (status, headers["Content-Type"]) == (200, "application/xml")
    assert headers["Content-Disposition"].startswith('attachment; filename="VT-1-en16931-ubl.xml"')
    assert read_invoice(parse(content)).invoice.number == "VT-1"


async def test_what_is_left_out_is_read_before_it_is_downloaded(lite):
    noted = invoice(notes=(Note(text="Merci de votre confiance"),))
    path = await sent(lite.sender, written(noted))
    get = await visitor(lite.sender)
    status, headers, page = await get(f"{path}/formats?to=facturx-minimum")
    assert (status, headers.get("Content-Disposition")) == (200, None)
    text = words(page)
    assert "Ce que le format ne reprend pas" in text
    assert "Merci de votre confiance" in text
    assert f'href="{path}/formats?to=facturx-minimum&amp;knowing=1"' in text
    status, headers, content = await get(f"{path}/formats?to=facturx-minimum&knowing=1")
    assert (status, headers["Content-Type"], content[:5]) == (200, "application/pdf", b"%PDF-")


async def test_what_cannot_be_had_says_why(lite):
    path = await sent(lite.sender, written(invoice()))
    get = await visitor(lite.sender)
    for wanted, code in (("docx", "CONVERSION-FORMAT"), ("fr-ctc-ubl", "CONVERSION-MODE")):
        status, _, page = await get(f"{path}/formats?to={wanted}")
        assert (status, code in words(page)) == (422, True), wanted
        assert "VT-1 dans un autre format" in words(page)
    stranger = await visitor(lite.receiver, locale="nl")
    assert (await stranger(f"{path}/formats"))[0] == 404
    assert (await stranger(f"{path}/formats?to=en16931-ubl"))[0] == 404
    await lite.settle()
    (mls,) = [one for one in await lite.sender.documents() if one.kind == "mls"]
    assert (await get(f"/documents/{mls.id}/formats"))[0] == 404


@pytest.mark.parametrize(
    ("locale", "heading", "place"),
    [
        ("fr", "Ce qui manque, s’ajoute ou diverge", "Titre"),
        ("de", "Was wegfiel, hinzukam oder abweicht", "Titel"),
    ],
)
async def test_the_timeline_tells_what_a_conversion_left_out(lite, locale, heading, place):
    source = written(invoice(name="Facture de novembre"), "facturx-extended")
    answer = await lite.sender.call(
        "POST",
        "/v1/documents?format=peppol-bis-3",
        data=source,
        headers={"Content-Type": "application/xml"},
    )
    assert answer.status == 202, answer.body
    get = await visitor(lite.sender, locale=locale)
    _, _, page = await get(f"/documents/{answer.body['id']}")
    text = words(page)
    assert heading in text
    assert f'<td class="wrap">{place}' in text
    assert "Facture de novembre" in text
    _, _, live = await get(f"/documents/{answer.body['id']}/live")
    assert heading in words(live)


def test_a_kept_account_is_put_into_the_readers_language():
    amount = {"amount": "1120.5", "currency": "EUR"}
    facts = {
        "lost": [
            {"path": "notes[1].text", "label": "Notes 2", "term": "BT-22", "before": "x",
             "after": None, "essential": False},
            {"path": "is_copy", "label": "Copy", "term": None, "before": "False",
             "after": None, "essential": False},
        ],
        "lost_count": 7,
        "discrepancies": [
            {"path": "totals.payable", "term": "BT-115", "stated": amount, "computed": amount,
             "tolerated": False, "explanation": "English"},
        ],
    }  # fmt: skip
    account = kept_account(facts, lang="fr")
    assert account is not None
    laid = laid_out(account, lang="fr")
    assert laid["counts"]["lost"] == 7
    assert laid["lost_rows"][0]["label"] != "Notes 2"
    assert laid["lost_rows"][1]["before"] == "non"
    (sum_,) = laid["discrepancies"]
    assert sum_["explanation"] == ""
    assert sum_["stated"].replace("\xa0", " ").replace("\u202f", " ") == "1 120,50 €"
    assert facts["discrepancies"][0]["explanation"] == "English"
    assert facts["discrepancies"][0]["stated"] is amount
    assert kept_account({"lost_count": 0, "lost": []}, lang="fr") is None
