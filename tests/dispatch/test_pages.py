"""The console's pages about what goes outside Peppol, used as a person uses them."""

import re

import aiohttp
import pytest

from gateway.demo.cast import BUYER

OURS = {"Sec-Fetch-Site": "same-origin"}


class Browser:
    """A signed-in browser without script."""

    def __init__(self, url: str, http: aiohttp.ClientSession) -> None:
        self.url, self.http = url, http

    async def page(self, path: str, **headers: str) -> str:
        async with self.http.get(self.url + path, headers=headers) as got:
            assert got.status == 200, path
            return await got.text()

    async def send(self, path: str, seen_on: str, **fields: str) -> tuple[int, str]:
        """Send the form of a page; the status and where it leads, or what it shows."""
        secret = re.search(r'name="csrf" value="([^"]+)"', await self.page(seen_on))
        assert secret is not None
        async with self.http.post(
            self.url + path,
            data={"csrf": secret[1], **fields},
            headers=OURS,
            allow_redirects=False,
        ) as got:
            return got.status, got.headers.get("Location") or await got.text()


@pytest.fixture
async def browser(lite, signed_in):
    return Browser(lite.url, signed_in)


async def test_a_link_is_passed_on_and_the_document_sent_by_email_after_all(lite, browser):
    document_id = await lite.sent(query="?channel=link")
    path = f"/documents/{document_id}"
    assert f'hx-get="{path}/dispatches"' in await browser.page(path)
    panel = await browser.page(f"{path}/dispatches", **{"HX-Request": "true"})
    assert "<html" not in panel
    assert await lite.link(document_id) in panel
    assert "MA-1" in await browser.page("/dispatches")
    form = f"{path}/dispatches"
    status, shown = await browser.send(form, form, channel="email", email="not an address")
    assert (status, "DISPATCH-EMAIL" in shown) == (422, True)
    assert await browser.send(form, form, channel="email") == (303, path)
    await lite.work()
    assert len(lite.sink.taken) == 1
    assert "MA-1" not in await browser.page("/dispatches?tab=attention")
    assert "MA-1" in await browser.page("/dispatches?tab=all")


async def test_a_link_is_renewed(lite, browser):
    document_id = await lite.sent(query="?channel=link")
    (row,) = await lite.dispatches(document_id)
    old, form = await lite.link(document_id), f"/documents/{document_id}/dispatches"
    assert await browser.send(f"{form}/{row.id}/link", form) == (303, form)
    assert await lite.link(document_id) != old


async def test_how_invoices_reach_a_customer_is_chosen_on_its_page(lite, browser):
    await lite.sent()
    customer = await lite.customer()
    path = f"/customers/{customer.id}"
    assert "as this gateway is set" in await browser.page(path)
    fields = {
        "channel": "email",
        "invoice_email": "inv@buyer.example",
        "invoice_format": "xml",
    }
    assert await browser.send(f"{path}/channel", path, **fields) == (303, path)
    customer = await lite.customer()
    assert (customer.channel, customer.invoice_email) == ("email", "inv@buyer.example")
    await lite.sent("MA-2")
    mail = lite.sink.messages()[-1]
    types = [one.get_content_type() for one in mail.iter_attachments()]
    assert types == ["application/pdf", "application/xml"]
    assert mail.get_content_type() == "multipart/mixed"


@pytest.mark.parametrize(("answer", "channel"), [("accept", "auto"), ("decline", "email")])
async def test_a_discovery_is_answered_on_the_customers_page(lite, browser, answer, channel):

    await lite.sent()
    await lite.change(channel="email")
    await lite.register(BUYER)
    await lite.run("dispatch.discover")
    path = f"/customers/{(await lite.customer()).id}"
    assert "Found on Peppol" in await browser.page(path)
    assert await browser.send(f"{path}/peppol", path, answer=answer) == (303, path)
    assert (await lite.customer()).channel == channel
    assert "Found on Peppol" not in await browser.page(path)


async def test_an_email_is_put_into_ones_own_words(lite, browser):
    home, path = "/settings/mail-texts", "/settings/mail-texts/invoice/fr"
    assert home in await browser.page("/settings")
    assert path in await browser.page(home)
    fields = {"subject": "Facture {{ number }}", "body": "Bonjour,\r\n\r\nVoici.", "closing": ""}
    status, shown = await browser.send(path, path, do="preview", **fields)
    assert (status, "Bonjour," in shown) == (200, True)
    assert "Default text" in await browser.page(path)
    wrong = fields | {"body": "{{ nummer }}"}
    status, shown = await browser.send(path, path, do="save", **wrong)
    assert (status, "DISPATCH-TEXT" in shown, "{{ nummer }}" in shown) == (422, True, True)
    assert await browser.send(path, path, do="save", **fields) == (303, f"{path}?saved=1")
    assert "Your own text" in await browser.page(path)
    assert await browser.send(path, path, do="forget", **fields) == (303, f"{path}?saved=1")
    assert "Default text" in await browser.page(path)
