"""Every page of the console, over a real gateway with a document of every kind of history."""

import re
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer

from gateway.access.roles import Role
from gateway.app import Gateway, all_routes, open_gateway
from gateway.as4.identifiers import BILLING_INVOICE, PROCESS_BILLING
from gateway.core.http import Face
from gateway.core.settings import DatabaseSettings, NetworkSettings, Settings
from gateway.demo.cast import BUYER, SELLER
from gateway.demo.invoices import render_invoice
from gateway.exchange.keys import ARCHIVE
from gateway.exchange.states import BusinessState, NetworkState, PaymentState, TransportState
from gateway.exchange.tables import Direction, Document, DocumentKind, Event, EventGroup
from gateway.exchange.timeline_view import LOOKS
from gateway.network.local_pki import TestPki, ensure_test_pki
from gateway.validation.tables import ValidationRun
from gateway.web.i18n import LANGUAGES, Catalogues
from gateway.web.render import PACKAGES

PASSWORD = "correct horse battery"
NOW = datetime.now(UTC)
FACTS: dict[str, dict[str, Any]] = {
    "document.accepted": {"fatal": 0, "warnings": 1, "rulesets": ["cen-ubl-1.3.16"]},
    "document.refused": {"fatal": 2, "warnings": 0, "rulesets": []},
    "document.received": {"seat": "POP000101", "message_id": "m@example"},
    "document.rejected": {"fatal": 1},
    "receiver.found": {"smp": "http://smp.example", "endpoint": "http://ap", "seat": "POP000202"},
    "attempt.failed": {"code": "EBMS:0004", "text": "no", "endpoint": "http://ap", "outcome": "e"},
    "lookup.failed": {"code": "LOOKUP-X", "text": "no SMP"},
    "delivery.failed": {"code": "PEER-X", "text": "given up"},
    "handover.failed": {"code": "HANDOVER-X", "text": "nobody took it"},
    "receipt.verified": {"seat": "POP000202", "message_id": "m@example"},
    "receipt.missing": {"seat": "POP000202", "message_id": "m@example"},
}
MLS = {"code": "RE", "text": "", "issues": [{"reason": "BV", "text": "x", "location": "/"}]}
ANSWER = {"status": "UQ", "note": "<b>why?</b>", "reasons": ["PRI", "PIN"], "texts": ["<i>"]}
FINDING = {
    "rule": "BR-CO-15",
    "severity": "fatal",
    "ruleset": "cen-ubl-1.3.16",
    "layer": "rules",
    "location": "/ubl:Invoice",
    "line": 2,
    "column": None,
    "terms": ["BT-112"],
    "value": "<script>1</script>",
    "message": "m",
    "hint": None,
}
REPORT: dict[str, Any] = {
    "verdict": "invalid",
    "valid": False,
    "sha256": "0" * 64,
    "document": {"id": "VT-1"},
    "rulesets": [{"id": "cen-ubl-1.3.16", "authority": "official", "verdict": "invalid"}],
    "findings": [FINDING, {**FINDING, "severity": "warning"}],
    "counts": {"fatal": 1, "warning": 1},
    "elapsed_ms": 12.5,
}


@dataclass
class Console:
    """A running gateway, its seller's documents, and a browser for each person."""

    gateway: Gateway
    client: TestClient[Any, Any]
    tenant_id: uuid.UUID
    documents: list[Document] = field(default_factory=list)
    run: ValidationRun | None = None

    async def sign_in(self, email: str) -> None:
        answer = await self.post("/sign-in", email=email, password=PASSWORD)
        assert answer.status == 303, await answer.text()

    async def post(self, path: str, **fields: str) -> aiohttp.ClientResponse:
        return await self.client.post(
            path, data=fields, headers={"Sec-Fetch-Site": "same-origin"}, allow_redirects=False
        )

    async def csrf(self, path: str = "/settings") -> str:
        found = re.search(r'name="csrf" value="([^"]+)"', await self.page(path))
        assert found is not None
        return found[1]

    async def page(self, path: str, *, status: int = 200) -> str:
        answer = await self.client.get(path, allow_redirects=False)
        text = await answer.text()
        assert answer.status == status, f"{path}: {answer.status} {text[:300]}"
        return text


def event(document: Document, kind: str) -> Event:
    facts = FACTS.get(kind, {"message_id": "m@example"})
    if kind.startswith("mls."):
        facts = {**MLS, "from": "iso6523-actorid-upis::0242:000202"}
    elif kind.startswith("response."):
        facts = {**ANSWER, "from": "Café"}
    group = {"mls": EventGroup.NETWORK, "response": EventGroup.BUSINESS}.get(
        kind.partition(".")[0], EventGroup.TRANSPORT
    )
    return Event(
        tenant_id=document.tenant_id,
        document_id=document.id,
        group=group,
        kind=kind,
        facts=facts,
        evidence_id=document.content_id,
        at=NOW - timedelta(minutes=1),
    )


async def furnish(console: Console) -> None:
    """A refused invoice, one on its way and one received, each with every kind of event."""
    archive, database = console.client.app[ARCHIVE], console.gateway.platform.database
    content = render_invoice(number="VT-1", seller=SELLER, buyer=BUYER, issued=date(2026, 11, 22))
    console.run = ValidationRun(
        tenant_id=console.tenant_id,
        file_name="<file>.xml",
        sha256="0" * 64,
        verdict="invalid",
        report=REPORT,
        created_at=NOW,
    )
    async with database.write() as session:
        session.add(console.run)
        for number, (direction, state) in enumerate(
            (
                (Direction.OUT, TransportState.REFUSED),
                (Direction.OUT, TransportState.SENDING),
                (Direction.IN, TransportState.RECEIVED),
            )
        ):
            stored = await archive.keep(
                content,
                purpose="document",
                media_type="application/xml",
                tenant_id=console.tenant_id,
            )
            document = Document(
                tenant_id=console.tenant_id,
                direction=direction,
                kind=DocumentKind.INVOICE,
                number=f"VT-<{number}>",
                issue_date=date(2026, 11, 22),
                due_date=date(2026, 12, 22),
                currency="EUR",
                amount_minor=125876,
                sender=str(SELLER.participant),
                sender_name=SELLER.business,
                receiver=str(BUYER.participant),
                receiver_name=BUYER.business,
                document_type=str(BILLING_INVOICE),
                process=str(PROCESS_BILLING),
                sbdh_id=str(uuid.uuid4()),
                content_id=stored.id,
                validation_id=console.run.id,
                transport=state,
                network=NetworkState.NONE,
                business=BusinessState.UNANSWERED,
                payment=PaymentState.NONE,
                failure_code="DOCUMENT-INVALID" if state is TransportState.REFUSED else None,
                created_at=NOW,
                updated_at=NOW,
            )
            session.add(stored)
            await session.flush()
            session.add(document)
            await session.flush()
            session.add_all(event(document, kind) for kind in LOOKS)
            console.documents.append(document)


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> TestPki:
    """Keys take seconds to make and no test changes them."""
    folder = tmp_path_factory.mktemp("pki")
    return ensure_test_pki(folder, ap_seats=["POP000001"], smp_seats=["PSM000001"], at=NOW)


@pytest.fixture
async def console(
    tmp_path: Path, sqlite_url: str, pki: TestPki, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Console]:
    monkeypatch.setattr("gateway.access.passwords._N", 16)
    settings = Settings(
        data_dir=tmp_path,
        database=DatabaseSettings(url=sqlite_url),
        network=NetworkSettings(sml="static", trust_dir=pki.trust, keys_dir=pki.keys),
    )
    async with open_gateway(settings) as gateway:
        tenant = await gateway.access.create_tenant(slug="alpha", name="Alpha & Søn")
        other = await gateway.access.create_tenant(slug="beta", name="Beta")
        people = {"en": tenant, "fr": tenant, "nl": tenant, "de": tenant, "beta": other}
        for name, home in people.items():
            await gateway.access.create_user(
                tenant_id=home.id,
                email=f"{name}@alpha.example",
                password=PASSWORD,
                role=Role.OWNER,
                locale=name if name in LANGUAGES else "en",
            )
        await gateway.access.create_user(
            tenant_id=tenant.id, email="viewer@alpha.example", password=PASSWORD, role=Role.VIEWER
        )
        assert SELLER.participant is not None
        await gateway.participants.register(
            tenant.id, SELLER.participant, name="Alpha", country="BE"
        )
        async with TestClient(TestServer(gateway.web)) as client:
            (tmp_path / "sml.toml").write_text(f'default = "{client.make_url("/smp")}"\n')
            console = Console(gateway, client, tenant.id)
            await furnish(console)
            yield console


def visible(page: str) -> str:
    """The words of a page that people read."""
    without = re.sub(r"<(code|kbd|title)\b.*?</\1>", " ", page, flags=re.DOTALL)
    without = re.sub(r'<([a-z]+)[^>]*lang="en"[^>]*>.*?</\1>', " ", without, flags=re.DOTALL)
    attributes = " ".join(re.findall(r'(?:placeholder|aria-label|title)="([^"]*)"', without))
    return unescape(re.sub(r"<[^>]+>", "\n", without) + "\n" + attributes)


def paths(console: Console) -> list[str]:
    documents = [f"/documents/{one.id}" for one in console.documents]
    tabs = [f"{one}?tab={tab}" for one in documents for tab in ("report", "messages", "evidence")]
    live = [f"{one}/live" for one in documents]
    run = f"/reports/{console.run.id}" if console.run else ""
    lists = ["/outbox", "/outbox?kinds=all&state=refused&q=VT", "/inbox", "/inbox?q=nothing"]
    look = f"/network/lookup?participant={SELLER.participant}"
    types = (str(BILLING_INVOICE), str(BILLING_INVOICE).replace("billing", "other"))
    looks = [
        "/network/lookup",
        "/network/lookup?participant=1",
        "/network/lookup?participant=0088:1",
    ]
    looks += [look, *(f"{look}&document_type={quote(one, safe='')}" for one in types)]
    others = [
        "/outbox/new",
        "/convert?to=fr-ctc-cii",
        "/reports",
        run,
        "/network",
        *looks,
        "/settings",
    ]
    return [*lists, *others, *documents, *tabs, *live]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_page_speaks_the_language_and_only_that(
    console: Console, language: str
) -> None:
    await console.sign_in(f"{language}@alpha.example")
    catalogues = Catalogues.of(PACKAGES)
    foreign = {
        catalogues.sentence("en", key)
        for key in catalogues.keys("en")
        if catalogues.sentence("en", key) != catalogues.sentence(language, key)
    }
    spoken = {catalogues.sentence(language, key) for key in catalogues.keys(language)}
    for path in paths(console):
        page = await console.page(path)
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", page), path
        assert "<b>why?</b>" not in page
        assert "<script>1" not in page
        lines = {line.strip() for line in visible(page).splitlines()}
        assert not (lines & foreign - spoken), path
        if not path.endswith("/live"):
            assert f'<html lang="{language}">' in page
            assert "Alpha &amp; Søn" in page


async def test_pages_keep_to_the_policy_and_are_not_stored(console: Console) -> None:
    await console.sign_in("en@alpha.example")
    answer = await console.client.get("/outbox")
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"
    for address in re.findall(r'(?:src|href)="(/static/[^"]+)"', await answer.text()):
        assert (await console.client.get(address)).status == 200, address


async def test_another_account_finds_nothing_of_ours(console: Console) -> None:
    await console.sign_in("beta@alpha.example")
    for path in paths(console):
        if path.startswith(("/documents/", "/reports/")):
            page = await console.page(path, status=404)
            assert "VT-" not in page
    one = console.documents[0]
    await console.page(f"/documents/{one.id}/blobs/{one.content_id}", status=404)
    for box in ("/outbox", "/inbox", "/reports"):
        assert "VT-" not in await console.page(box)


async def test_a_blob_is_downloaded_from_its_own_document_only(console: Console) -> None:
    await console.sign_in("en@alpha.example")
    first, second = console.documents[:2]
    answer = await console.client.get(f"/documents/{first.id}/blobs/{first.content_id}")
    assert answer.status == 200
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.content_type == "application/octet-stream"
    assert b"<Invoice" in await answer.read()
    await console.page(f"/documents/{first.id}/blobs/{second.content_id}", status=404)
    await console.page(f"/documents/{first.id}/blobs/{uuid.uuid4()}", status=404)


async def test_only_what_moves_is_polled(console: Console) -> None:
    await console.sign_in("en@alpha.example")
    refused, sending, received = console.documents
    assert 'hx-trigger="every 2s"' in await console.page(f"/documents/{sending.id}")
    for still in (refused, received):
        assert "hx-trigger" not in await console.page(f"/documents/{still.id}")


async def test_lists_are_paged_and_narrowed_by_the_address(console: Console) -> None:
    await console.sign_in("en@alpha.example")
    refused, sending, _ = console.documents
    outbox = await console.page("/outbox")
    assert str(refused.id) in outbox
    assert str(sending.id) in outbox
    only = await console.page("/outbox?state=refused")
    assert str(refused.id) in only
    assert str(sending.id) not in only
    older = await console.page(f"/outbox?before={sending.id}")
    assert str(sending.id) not in older
    assert str(refused.id) in older
    for wrong in (
        "/outbox?before=x",
        "/outbox?state=lost",
        "/inbox?kinds=x",
        f"/documents/{refused.id}?tab=x",
    ):
        await console.page(wrong, status=400)


async def test_the_answer_form_offers_what_may_follow(console: Console) -> None:
    await console.sign_in("en@alpha.example")
    *sent, received = console.documents
    page = await console.page(f"/documents/{received.id}")
    assert page.count('name="status" value="') == 7
    assert 'name="status"' not in await console.page(f"/documents/{sent[0].id}")
    csrf = await console.csrf()
    answer = await console.post(f"/documents/{received.id}/answer", csrf=csrf, status="RE")
    assert answer.status == 422
    assert "The answer is incomplete" in await answer.text()
    answer = await console.post(f"/documents/{received.id}/answer", csrf=csrf, status="nonsense")
    assert answer.status == 400
    answer = await console.post(
        f"/documents/{received.id}/answer", csrf=csrf, status="RE", reason="PRI", note="Too much"
    )
    assert answer.status == 303
    page = await console.page(f"/documents/{received.id}")
    assert "rejected by the buyer" in page
    assert "Too much" in page


async def test_a_key_is_shown_once_and_revoked(console: Console) -> None:
    await console.sign_in("en@alpha.example")
    csrf = await console.csrf()
    refused = await console.post("/settings/keys", csrf=csrf, name="No scope")
    assert refused.status == 422
    made = await console.post("/settings/keys", csrf=csrf, name="ERP", scope="documents:read")
    secret = re.search(r"gwk_([0-9a-f]{8})_[A-Za-z0-9_-]{43}", await made.text())
    assert secret is not None
    assert secret[0] not in await console.page("/settings")
    bearer = {"Authorization": f"Bearer {secret[0]}"}
    assert (await console.client.get("/v1/documents", headers=bearer)).status == 200
    done = await console.post(f"/settings/keys/{secret[1]}/revoke", csrf=csrf)
    assert done.status == 303
    assert (await console.client.get("/v1/documents", headers=bearer)).status == 401


async def test_a_viewer_sees_no_button_that_is_not_his(console: Console) -> None:
    await console.sign_in("viewer@alpha.example")
    outbox = await console.page("/outbox")
    assert "/outbox/new" not in outbox
    assert "/settings" not in outbox
    assert "/answer" not in await console.page(f"/documents/{console.documents[2].id}")
    await console.page("/settings", status=403)


async def test_the_language_is_remembered(console: Console) -> None:
    await console.sign_in("en@alpha.example")
    csrf = await console.csrf()
    answer = await console.post("/language", csrf=csrf, language="fr", back="//evil.example")
    assert answer.headers["Location"] == "/"
    assert '<html lang="fr">' in await console.page("/outbox")
    refused = await console.post("/language", csrf=csrf, language="xx")
    assert refused.status == 400


async def test_signing_in_fails_politely_and_out_ends_the_session(console: Console) -> None:
    page = await console.page("/sign-in?lang=fr&next=/inbox")
    assert "Se connecter" in page
    assert 'value="/inbox"' in page
    answer = await console.post("/sign-in?lang=fr", email="en@alpha.example", password="wrong")
    assert answer.status == 401
    text = await answer.text()
    assert "mot de passe incorrect" in text
    assert 'value="en@alpha.example"' in text
    assert "wrong" not in text
    away = await console.post(
        "/sign-in", email="en@alpha.example", password=PASSWORD, next="https://evil.example/"
    )
    assert away.headers["Location"] == "/"
    csrf = await console.csrf()
    await console.post("/sign-out", csrf=csrf)
    await console.page("/outbox", status=303)


async def test_a_file_that_is_missing_is_said_and_the_list_stays(console: Console) -> None:
    await console.sign_in("en@alpha.example")
    csrf = await console.csrf()
    for path in ("/outbox/new", "/reports"):
        answer = await console.post(path, csrf=csrf)
        assert answer.status == 422
        text = await answer.text()
        assert "Choose a file first." in text
        assert path == "/outbox/new" or "&lt;file&gt;.xml" in text


@pytest.mark.parametrize("order", ["secret first", "file first", "wrong secret", "no secret"])
@pytest.mark.parametrize("files", [0, 1, 2])
async def test_files_are_taken_only_behind_the_secret_of_the_session(
    console: Console, order: str, files: int
) -> None:
    """The form is read piece by piece: a file before the secret is not even looked at."""
    await console.sign_in("en@alpha.example")
    secret = await console.csrf() if order != "wrong secret" else "x" * 43
    form = aiohttp.FormData(default_to_multipart=True)
    if order in ("secret first", "wrong secret"):
        form.add_field("csrf", secret)
    for number in range(files):
        form.add_field("file", b"<a/>", filename=f"{number}.xml", content_type="text/xml")
    if order == "file first":
        form.add_field("csrf", secret)
    before = await console.page("/reports")
    answer = await console.client.post(
        "/reports",
        data=form,
        headers={"Sec-Fetch-Site": "same-origin"},
        allow_redirects=False,
    )
    if order == "secret first":
        assert answer.status == (303 if files else 422)
        return
    assert answer.status == (422 if order == "file first" and not files else 403)
    if answer.status == 403:
        assert "ACCESS-CSRF" in await answer.text()
    assert (await console.page("/reports")).count("<tr") == before.count("<tr")


async def test_every_form_taken_in_pieces_asks_for_the_secret(console: Console) -> None:
    await console.sign_in("en@alpha.example")
    own = {"Sec-Fetch-Site": "same-origin"}
    paths = [one.path for one in all_routes() if one.takes_pieces]
    assert "/reports" in paths
    for path in paths:
        for content in ({"file": "x"}, aiohttp.FormData({"file": "x"}, default_to_multipart=True)):
            answer = await console.client.post(path, data=content, headers=own)
            assert answer.status == 403, path


def test_pages_are_found_in_one_place_only() -> None:
    pages = [(one.method, one.path) for one in all_routes() if one.face is Face.PAGE]
    assert len(pages) == len(set(pages))


async def test_a_look_at_a_participant_says_what_is_usable_and_why(console: Console) -> None:
    await console.sign_in("en@alpha.example")
    look = f"/network/lookup?participant={SELLER.participant}"
    page = await console.page(look)
    assert "can be sent to" in page
    assert "Invoice · Peppol BIS Billing 3" in page
    page = await console.page(f"{look}&document_type={quote(str(BILLING_INVOICE), safe='')}")
    assert "It is registered exactly as asked." in page
    other = str(BILLING_INVOICE).replace("billing", "other")
    page = await console.page(f"{look}&document_type={quote(other, safe='')}")
    assert "LOOKUP-DOCUMENT-TYPE" in page
    assert "by another specification only" in page
