"""The payment page as a payer's browser gets it."""

import base64
import hashlib
import re
import xml.etree.ElementTree as ET
from datetime import timedelta

import pytest
from yarl import URL

from gateway.access.api import SESSIONS
from gateway.access.roles import Role
from gateway.payments.payer_view import headers
from gateway.payments.ports import ProviderReport
from gateway.payments.states import InitiationEvent
from gateway.payments.tables import PaymentLink
from gateway.payments.throttle import Throttle
from reminders.entries import EntryKind

OURS = {"Sec-Fetch-Site": "same-origin"}


async def page(site, path, **more):
    answer = await site.client.get(path, allow_redirects=False, **more)
    return answer, await answer.text()


async def test_the_page_says_who_asks_for_what_and_offers_one_button(site, firm):
    first = await firm.invoice("2026-117", 60_533, reference="RF18539007547034")
    _, token = await firm.link(first)
    answer, text = await page(site, f"/pay/{token}")
    assert answer.status == 200
    assert "Atelier Dubois asks you to pay" in text
    assert "€605.33" in text
    assert "Invoice 2026-117" in text
    assert "due Oct 20, 2026" in text
    assert text.count("<button") == 1
    assert "NL41 MOCK 0000 0000 01" in text
    assert "RF18539007547034" in text
    for other in ("2026-118", "Brasserie", "0765432146", str(first.id), "<script"):
        assert other not in text


async def test_the_page_is_small_strict_and_on_nobodys_record(site, firm):
    items = [await firm.invoice(f"2026-{number}", 10_000) for number in range(12)]
    _, token = await firm.link(*items)
    answer, text = await page(site, f"/pay/{token}")
    assert len(text.encode()) < 50_000
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "form-action 'self' https://bank.example;" in policy
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers
    # Everything is in the one answer: the page asks for nothing else.
    wanted = re.findall(r"(?:src|href)=\"([^\"]+)\"", text)
    assert [one for one in wanted if not one.startswith(f"/pay/{token}?lang=")] == ["data:,"]


async def test_the_code_is_for_exactly_what_is_open(site, firm):
    item = await firm.invoice("2026-117", 60_533)
    await firm.book(item, EntryKind.PAYMENT_ALLOCATED, 533)
    _, token = await firm.link(item)
    _, text = await page(site, f"/pay/{token}")
    drawn = re.search(r"<svg.*?</svg>", text, re.DOTALL)
    assert drawn is not None
    assert scanned(drawn[0]) == (
        "BCD\n002\n1\nSCT\n\nAtelier Dubois\nNL41MOCK0000000001\nEUR600.00\n\n\n2026-117"
    )


def scanned(svg):
    """Read a drawn code the way a phone does: its dark modules are strokes one unit high."""
    pillow = pytest.importorskip("PIL.Image", reason="NOT CHECKED: pillow is not installed")
    try:
        from pyzbar.pyzbar import decode
    except ImportError as error:
        pytest.skip(f"NOT CHECKED: no scanner (PyPI pyzbar with Debian's libzbar0): {error}")
    root, scale = ET.fromstring(svg), 8
    width = int(root.attrib["viewBox"].split()[2])
    image = pillow.new("L", (width * scale, width * scale), 255)
    x = y = 0.0
    for move, right, down, length in re.findall(
        r"([Mm])\s*(-?[\d.]+)[ ,]?(-?[\d.]+)|h(\d+)", root.findall("{*}path")[-1].attrib["d"]
    ):
        if move:
            from_x, from_y = (0.0, 0.0) if move == "M" else (x, y)
            x, y = from_x + float(right), from_y + float(down)
            continue
        left, top = int(x * scale), int(y) * scale
        image.paste(0, (left, top, left + int(length) * scale, top + scale))
        x += int(length)
    (code,) = decode(image)
    return code.data.decode()


@pytest.mark.parametrize(
    ("locale", "query", "spoken"),
    [
        ("fr_BE", "", "vous demande de payer"),
        ("fr_BE", "?lang=nl", "vraagt u te betalen"),
        ("de", "?lang=xx", "asks you to pay"),
        ("de_DE", "", "bittet Sie um Zahlung"),
        ("en", "", "asks you to pay"),
    ],
)
async def test_the_page_speaks_the_links_language_or_the_one_chosen(
    site, firm, locale, query, spoken
):
    _, token = await firm.link(await firm.invoice("F-1", 100), locale=locale)
    answer, text = await page(site, f"/pay/{token}{query}", headers={"Accept-Language": "es"})
    assert spoken in text
    assert f'<html lang="{answer.headers["Content-Language"]}">' in text
    assert text.count('hreflang="') == 3


@pytest.mark.parametrize("verb", ["get", "post", "head"])
async def test_no_link_tells_why_it_opens_nothing(site, firm, verb):
    item = await firm.invoice("F-1", 100)
    _, expired = await firm.link(item)
    firm.clocks.pass_time(days=31)
    _, good = await firm.link(item)
    gone, removed = await firm.link(item)
    async with firm.database.write() as session:
        link = await session.get_one(PaymentLink, gone.id)
        link.version = 9
        session.add(link)
    forged = good[:-1] + ("A" if good[-1] != "A" else "B")
    seen = set()
    for token in (expired, removed, forged, "x", "A" * 5000):
        answer = await site.client.request(
            verb, f"/pay/{token}", headers=OURS, allow_redirects=verb == "post"
        )
        text = (await answer.text()).replace(f"/pay/{token}", "/pay/")
        seen.add((answer.status, text, answer.headers.get("Content-Security-Policy")))
    ((status, text, _),) = seen
    assert status == 404
    assert verb == "head" or "This link does not open anything" in text


async def test_paying_leads_to_the_bank_and_back(site, firm):
    _, token = await firm.link(await firm.invoice("F-1", 100))
    answer = await site.client.post(f"/pay/{token}", headers=OURS, allow_redirects=False)
    (made,) = await firm.initiations()
    assert (answer.status, answer.headers["Location"]) == (303, made.authorise_url)
    assert "https://bank.example" in answer.headers["Content-Security-Policy"]
    _, text = await page(site, f"/pay/{token}/back?status=success&paid=true")
    assert "The payment is not finished" in text
    assert "Continue at your bank" in text
    firm.provider.word = ProviderReport(InitiationEvent.ACCEPTED)
    answer, text = await page(site, f"/pay/{token}/back")
    assert "Your payment is under way" in text
    assert "<button" not in text
    assert "<svg" not in text
    assert "IBAN" not in text


async def test_a_payment_is_started_from_our_own_page_only(site, firm):
    _, token = await firm.link(await firm.invoice("F-1", 100))
    for sent in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {}):
        answer = await site.client.post(f"/pay/{token}", headers=sent, allow_redirects=False)
        assert answer.status == 403
    assert await firm.initiations() == []
    sent = {"Origin": "https://gateway.example"}
    answer = await site.client.post(f"/pay/{token}", headers=sent, allow_redirects=False)
    assert answer.status == 303


async def test_somebody_signed_in_to_the_console_can_pay_too(site, firm, monkeypatch):
    monkeypatch.setattr("gateway.access.passwords._N", 16)
    await site.access.create_user(
        tenant_id=firm.tenant.id,
        email="o@atelier.example",
        password="correct horse battery",
        role=Role.OWNER,
        locale="fr",
    )
    cookie, _ = await site.app[SESSIONS].sign_in(
        email="o@atelier.example", password="correct horse battery", address="192.0.2.1"
    )
    sent = {**OURS, "Cookie": f"__Host-gateway={cookie}"}
    _, token = await firm.link(await firm.invoice("F-1", 100))
    answer, text = await page(site, f"/pay/{token}", headers=sent)
    assert "asks you to pay" in text  # in the link's language, not the console's
    secret = re.search(r'name="csrf" value="([^"]+)"', text)
    assert secret is not None
    for fields, status in (({}, 403), ({"csrf": secret[1]}, 303)):
        answer = await site.client.post(
            f"/pay/{token}", headers=sent, data=fields, allow_redirects=False
        )
        assert answer.status == status
    firm.provider.down = True
    firm.clocks.pass_time(minutes=20)
    answer = await site.client.post(
        f"/pay/{token}", headers=sent, data={"csrf": secret[1]}, allow_redirects=False
    )
    assert answer.headers["Location"] == f"/pay/{token}?notice=provider"


async def test_a_provider_that_is_down_leaves_the_transfer(site, firm):
    _, token = await firm.link(await firm.invoice("F-1", 100))
    firm.provider.down = True
    answer = await site.client.post(f"/pay/{token}?lang=fr", headers=OURS)
    text = await answer.text()
    assert answer.url.query == {"lang": "fr", "notice": "provider"}
    assert "ne fonctionne pas pour l&#39;instant" in text
    assert "<svg" in text
    _, text = await page(site, f"/pay/{token}?notice=returned")
    assert "not finished" not in text  # only a return from the bank says so


async def test_what_is_paid_disputed_or_without_account_is_told(site, firm):
    paid, disputed = await firm.invoice("F-1", 100), await firm.invoice("F-2", 100)
    bare = await firm.invoice("F-3", 100, payee_iban=None)
    await firm.book(paid, EntryKind.PAYMENT_ALLOCATED, 100)
    await firm.book(disputed, EntryKind.DISPUTE_OPENED, 100, dispute="d")
    for item, told in (
        (paid, "All paid, thank you"),
        (disputed, "Nothing to pay for now"),
        (bare, "names no bank account"),
    ):
        _, token = await firm.link(item)
        _, text = await page(site, f"/pay/{token}")
        assert told in text
        assert "<button" not in text
        answer = await site.client.post(f"/pay/{token}", headers=OURS, allow_redirects=False)
        assert answer.headers["Location"] == f"/pay/{token}"
    _, token = await firm.link(paid, disputed, await firm.invoice("F-4", 100))
    _, text = await page(site, f"/pay/{token}")
    assert "€1.00 in dispute, not asked for" in text


async def test_names_from_documents_are_only_text(site, firm):
    item = await firm.invoice("<b>1</b>", 100, payee_name='"><script>alert(1)</script>')
    _, token = await firm.link(item)
    _, text = await page(site, f"/pay/{token}")
    assert "<script" not in text
    assert "<b>" not in text


async def test_an_opening_is_kept_once_and_not_for_link_scanners(site, firm):
    issued, token = await firm.link(await firm.invoice("F-1", 100))

    async def opened():
        async with firm.database.read() as session:
            return (await session.get_one(PaymentLink, issued.id)).opened_at

    await site.client.head(f"/pay/{token}")
    assert await opened() is None
    await page(site, f"/pay/{token}")
    first = await opened()
    firm.clocks.pass_time(minutes=1)
    await page(site, f"/pay/{token}")
    assert first is not None
    assert await opened() == first


async def test_whoever_asks_too_often_has_to_wait(site, firm):
    _, token = await firm.link(await firm.invoice("F-1", 100))
    answers = [(await page(site, f"/pay/{token}"))[0].status for _ in range(31)]
    assert answers == [200] * 30 + [429]
    answer, text = await page(site, "/pay/x")
    assert (answer.status, answer.headers["Retry-After"]) == (429, "2")
    assert "Too many requests" in text
    answer = await site.client.post(f"/pay/{token}", headers=OURS)
    assert answer.status == 429
    assert await firm.initiations() == []


def test_a_bucket_fills_up_again_and_memory_stays_bounded():
    seconds = [0.0]
    throttle = Throttle(burst=2, per_second=0.5, clock=lambda: seconds[0])
    assert [throttle.wait_for("a") for _ in range(3)] == [0, 0, 2]
    assert throttle.wait_for("b") == 0
    seconds[0] = 1
    assert throttle.wait_for("a") == 1
    seconds[0] = 2
    assert throttle.wait_for("a") == 0
    seconds[0] = 10_000
    assert [throttle.wait_for("a") for _ in range(3)] == [0, 0, 2]
    for number in range(20_001):
        throttle.wait_for(f"n{number}")
    assert len(throttle._buckets) == 20_000


def test_without_a_provider_forms_go_nowhere_else():
    assert "form-action 'self';" in headers(provider_origin=None)["Content-Security-Policy"]


async def test_the_style_in_the_page_is_the_one_its_policy_allows(site, firm):
    _, token = await firm.link(await firm.invoice("F-1", 100))
    answer, text = await page(site, f"/pay/{token}")
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in answer.headers["Content-Security-Policy"]
    assert "style=" not in text


async def test_a_link_lives_as_long_as_it_says(site, firm):
    _, token = await firm.link(await firm.invoice("F-1", 100))
    firm.clocks.at += timedelta(days=30, seconds=-1)
    assert (await page(site, f"/pay/{token}"))[0].status == 200
    firm.clocks.at += timedelta(seconds=1)
    assert (await page(site, f"/pay/{token}"))[0].status == 404


@pytest.mark.parametrize(
    "token",
    [
        *("..%2F..%2F%2Fevil.example", "%2F%2Fevil.example", "%5C%5Cevil.example", "a%3Fb%23c"),
        *("%00", "%0D%0ASet-Cookie:%20a=b", "%FF", "%E2%80%AE", "javascript:alert(1)"),
    ],
)
async def test_no_token_leads_anywhere_else(site, firm, token):
    place = URL(f"/pay/{token}", encoded=True)
    answer = await site.client.post(place, headers=OURS, allow_redirects=False)
    assert answer.status in (303, 400)
    assert "a" not in answer.cookies
    if answer.status == 303:
        # Wherever it is on this server: it starts with our own path and names no host.
        there = answer.headers["Location"]
        assert there.startswith("/pay/")
        assert URL(there).host is None
    for one in (place, URL(f"/pay/{token}/back", encoded=True)):
        assert (await site.client.get(one, allow_redirects=False)).status in (400, 404)
