"""One's own PDF beside an invoice to a buyer outside Peppol: in the e-mail and behind the link."""

import io

import aiohttp
import pikepdf
import pytest
import typst

from gateway.demo.cast import SELLER
from ubl.invoice import read_invoice
from ubl.safexml import parse


@pytest.fixture(scope="module")
def own():
    """A PDF that can be archived: its font is inside."""
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=True)
    source = b'#set text(font: "DejaVu Sans Mono")\nOur own page'
    made = typst.Compiler(source, font_paths=fonts).compile(format="pdf", timestamp=0)
    assert isinstance(made, bytes)
    return made


async def sent(house, own, query, number="MA-1"):
    form = aiohttp.FormData()
    form.add_field("file", house.invoice(number), filename="a.xml", content_type="application/xml")
    form.add_field("pdf", own, filename="pages.pdf", content_type="application/pdf")
    answer = await house.call("POST", f"/v1/documents{query}", data=form)
    assert answer.status == 202, answer.body
    await house.work()
    return answer.body["id"]


def page_of(pdf):
    """What the first page shows, as its drawing instructions."""
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        return opened.pages[0].Contents.read_bytes()


def files_in(pdf):
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        return {name: one.get_file().read_bytes() for name, one in opened.attachments.items()}


def enclosed(mail):
    return {one.get_filename(): one.get_content() for one in mail.iter_attachments()}


async def test_the_email_and_its_link_show_the_sellers_own_pages(house, own):
    document_id = await sent(house, own, "?format=facturx-extended")
    (mail,) = house.sink.messages()
    (pdf,) = enclosed(mail).values()
    assert page_of(pdf) == page_of(own)
    inside = read_invoice(parse(files_in(pdf)["factur-x.xml"])).invoice
    assert (inside.number, inside.seller.name) == ("MA-1", SELLER.business)
    link = await house.link(document_id)
    assert (await house.press(link)).status == 303
    got = await house.visit(f"{link}/document.pdf")
    assert (got.status, got.body) == (200, pdf)
    shown = await house.call("GET", f"/v1/documents/{document_id}/content?format=facturx-extended")
    assert page_of(shown.body) == page_of(own)


async def test_they_are_the_pages_of_every_format_a_customer_may_want(lite, own):
    await sent(lite, own, "?format=facturx-extended")
    for place, wanted in enumerate(("facturx-en16931", "facturx-xrechnung", "pdf", "xml"), start=2):
        assert (await lite.change(channel="email", invoice_format=wanted)).status == 200
        lite.sink.taken.clear()
        await sent(lite, own, "?format=facturx-extended", number=f"MA-{place}")
        (mail,) = lite.sink.messages()
        files = enclosed(mail)
        pdf = files[f"MA-{place}.pdf"]
        assert page_of(pdf) == page_of(own), wanted
        data = [name for name in files_in(pdf) if name.endswith(".xml")]
        assert bool(data) == wanted.startswith("facturx")
        assert (f"MA-{place}.xml" in files) == (wanted == "xml")


async def test_a_link_that_is_passed_on_and_an_email_sent_again_show_them_too(lite, own):
    document_id = await sent(lite, own, "?format=facturx-extended&channel=link")
    link = await lite.link(document_id)
    assert (await lite.press(link)).status == 303
    got = await lite.visit(f"{link}/document.pdf")
    assert page_of(got.body) == page_of(own)
    assert lite.sink.taken == []
    again = await lite.call(
        "POST",
        f"/v1/documents/{document_id}/dispatches",
        json={"channel": "email", "email": "new@buyer.example"},
    )
    assert again.status == 202, again.body
    await lite.work()
    (mail,) = lite.sink.messages()
    (pdf,) = enclosed(mail).values()
    assert page_of(pdf) == page_of(own)


async def test_sent_as_a_file_they_are_beside_pages_of_ours(lite, own):
    await sent(lite, own, "?format=facturx-extended&pdf=attachment")
    (mail,) = lite.sink.messages()
    (pdf,) = enclosed(mail).values()
    assert page_of(pdf) != page_of(own)
    assert own in files_in(pdf).values()
