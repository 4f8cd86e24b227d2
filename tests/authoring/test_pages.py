"""The editor used as a browser uses it: what is posted is what the page holds."""

import json

import pytest
from lxml import html

from gateway.authoring.comparing import changes
from schematron import worker as engine

OURS = {"Sec-Fetch-Site": "same-origin"}
ITEMS = ("4123456000014", "4123456000021", "4123456000038")
PDF = "JVBERi0xLjQK"


@pytest.fixture(scope="module", autouse=True)
def rules():
    engine.initialise()


class Page:
    """What a browser shows of the editor, and the form it sends with a button of it."""

    def __init__(self, address, text):
        self.address = address
        self.tree = html.document_fromstring(text)
        form = self.tree.xpath("//form[@id='editor']")[0]
        self.fields = {
            name: value for name, value in form.form_values() if name and isinstance(value, str)
        }
        for one in self.tree.xpath("//*[@form='editor'][@name='wanted']"):
            self.fields["wanted"] = one.value


class Browser:
    """A signed-in browser without script."""

    def __init__(self, url, http):
        self.url, self.http = url, http

    async def open(self, draft_id):
        async with self.http.get(f"{self.url}/drafts/{draft_id}") as got:
            assert got.status == 200
            return Page(f"/drafts/{draft_id}", await got.text())

    async def press(self, page, button, *, status=200, **headers):
        """The page that a button leads to."""
        data = {**page.fields, "do": button}
        async with self.http.post(
            self.url + page.address, data=data, headers={**OURS, **headers}
        ) as got:
            text = await got.text()
            assert got.status == status, text
            return text if headers or status == 400 else Page(got.url.path, text)


@pytest.fixture
async def browser(lite, signed_in):
    return Browser(lite.url, signed_in)


async def begun(house, **more):
    """A draft with values the form has no fields for: in three lines, in lists, beside them."""
    read = await house.call(
        "POST", "/v1/drafts", data=house.invoice(), headers={"Content-Type": "application/xml"}
    )
    draft = read.body
    (line,) = draft["invoice"]["lines"]
    lines = [
        {**line, "identifier": str(place), "item": {**line["item"], "name": f"Crate {place}"}}
        for place in range(3)
    ]
    for one, number in zip(lines, ITEMS, strict=True):
        one["item"] = {**one["item"], "standard_identifier": {"value": number, "scheme": "0160"}}
    invoice = {
        **draft["invoice"],
        "is_test": True,
        "lines": lines,
        "notes": [{"text": "first", "subject_code": "AAI"}, {"text": "second"}],
        "supporting_documents": [enclosure("one.pdf"), enclosure("two.pdf")],
        **more,
    }
    kept = await house.call(
        "PUT",
        f"/v1/drafts/{draft['id']}",
        data=json.dumps(invoice),
        headers={"Content-Type": "application/json", "If-Match": '"1"'},
    )
    assert kept.status == 200, kept.body
    return kept.body


def enclosure(name):
    return {
        "reference": name,
        "attachment": {"encoded": PDF, "mime_type": "application/pdf", "file_name": name},
    }


async def held(house, draft_id):
    return (await house.call("GET", f"/v1/drafts/{draft_id}")).body["invoice"]


def items(invoice):
    return [
        (x["item"]["name"], x["item"]["standard_identifier"]["value"]) for x in invoice["lines"]
    ]


async def test_a_page_that_is_saved_as_it_is_changes_nothing(lite, browser):
    draft = await begun(lite, allowances=[{"amount": {"value": "1"}, "reason": "bulk"}])
    page = await browser.open(draft["id"])
    await browser.press(page, "save")
    assert changes(draft["invoice"], await held(lite, draft["id"])) == ()


async def test_a_page_kept_apart_has_its_own_values_at_its_own_rows(lite, browser):
    draft = await begun(lite)
    mine = await browser.open(draft["id"])
    theirs = await browser.press(await browser.open(draft["id"]), "remove:lines.0")
    await browser.press(theirs, "remove:supporting_documents.0")
    mine.fields["invoice.lines.0.item.name"] = "Changed here"
    refused = await browser.press(mine, "save", status=412)
    for page in (mine, refused):
        apart = await browser.press(page, "keep")
        invoice = await held(lite, apart.address.rpartition("/")[2])
        names = ("Changed here", "Crate 1", "Crate 2")
        assert items(invoice) == list(zip(names, ITEMS, strict=True))
        assert invoice["notes"] == draft["invoice"]["notes"]
        # The same content is enclosed under both names, so that one of them is left to take.
        assert invoice["supporting_documents"] == draft["invoice"]["supporting_documents"]
    assert items(await held(lite, draft["id"])) == list(
        zip(("Crate 1", "Crate 2"), ITEMS[1:], strict=True)
    )


async def test_an_older_page_gone_back_to_keeps_its_rows_too(lite, browser):
    draft = await begun(lite)
    page = await browser.open(draft["id"])
    await browser.press(page, "remove:lines.0")
    await browser.press(page, "save")
    assert items(await held(lite, draft["id"])) == items(draft["invoice"])
    await browser.press(page, "", **{"HX-Request": "true"})
    assert items(await held(lite, draft["id"])) == items(draft["invoice"])


async def test_a_row_whose_file_was_taken_away_elsewhere_says_so(lite, browser):
    draft = await begun(lite, supporting_documents=[enclosure("one.pdf")])
    mine = await browser.open(draft["id"])
    await browser.press(await browser.open(draft["id"]), "remove:supporting_documents.0")
    apart = await browser.press(mine, "keep")
    invoice = await held(lite, apart.address.rpartition("/")[2])
    (row,) = invoice["supporting_documents"]
    assert row["reference"] == "one.pdf"
    assert "encoded" not in row["attachment"]
    (part,) = apart.tree.xpath("//section[@aria-labelledby='part-files']//fieldset")
    assert "was taken away" in part.text_content()
    sent = await browser.press(apart, "send", status=422)
    mended = await browser.press(sent, "remove:supporting_documents.0")
    assert "was taken away" not in mended.tree.text_content()


@pytest.mark.parametrize(
    "kept",
    [
        "",
        "[]",
        "[" * 100_000,
        '{"nothing": "1"}',
        '{"lines": {"0": {"note": "x"}}}',
        '{"lines": ["x"]}',
        '{"lines": [{"note": {}}]}',
        '{"lines": [[]]}',
        '{"number": ["1"]}',
        '{"number": 1.5}',
        '{"seller": "x"}',
        '{"supporting_documents": [{"attachment": {"encoded": []}}]}',
    ],
)
async def test_what_no_page_carries_is_refused_and_spoils_no_draft(lite, browser, kept):
    draft = await begun(lite)
    page = await browser.open(draft["id"])
    page.fields["kept"] = kept
    assert "REQUEST-INVALID" in await browser.press(page, "save", status=400)
    assert await held(lite, draft["id"]) == draft["invoice"]
