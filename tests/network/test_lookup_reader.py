"""A redirect between two SMPs as they really published it, followed over sockets."""

import pytest
from aiohttp import web
from lxml import etree

from gateway.as4.identifiers import ParticipantId
from gateway.as4.xmldsig import sign_enveloped
from gateway.core.outgoing import client_session
from gateway.core.settings import Stage
from gateway.network.errors import LookupFailed
from gateway.network.lookup_reader import SmpReader
from gateway.network.sml import SmpAddress
from gateway.network.smp import SMP_NAMESPACE, open_signed_metadata, read_metadata
from gateway.network.smp_client import Lookup
from gateway.network.trust import Trust
from ubl.safexml import parse


@pytest.fixture
def serve(aiohttp_server):
    """An SMP that says the same to everybody; gives its address."""

    async def start(body: bytes) -> str:
        async def answer(_request: web.Request) -> web.Response:
            return web.Response(body=body, content_type="text/xml")

        app = web.Application()
        app.router.add_get("/{path:.*}", answer)
        return str((await aiohttp_server(app)).make_url("/smp"))

    return start


@pytest.fixture
async def lookup(pki, serve):
    """A lookup whose SMP says this."""

    class Fixed:
        def __init__(self, url: str) -> None:
            self._url = url

        async def locate(self, _participant: ParticipantId) -> SmpAddress:
            return SmpAddress(url=self._url, source="fixed")

    async with client_session(Stage.TEST, connect_timeout_s=60, answer_timeout_s=60) as session:
        reader = SmpReader(
            session=session, trust=Trust(pki.anchors), stage=Stage.TEST, timeout_s=60
        )

        async def make(body: bytes) -> Lookup:
            return Lookup(locator=Fixed(await serve(body)), reader=reader)

        yield make


def renewed(pki, data: bytes, change=lambda root: None) -> bytes:
    """A vector signed as is due today; the originals are signed with SHA-1."""
    root = parse(data)
    for signature in root.findall("{http://www.w3.org/2000/09/xmldsig#}Signature"):
        root.remove(signature)
    change(root)
    sign_enveloped(root, key=pki.smp_pair.key, certificate=pki.smp_pair.certificate)
    return etree.tostring(root.getroottree())


async def test_a_real_redirect_is_followed_to_its_target(pki, serve, lookup, vectors) -> None:
    folder = vectors / "smp"
    data = (folder / "busdox-servicemetadata-redirected-0192-991825827.xml").read_bytes()
    published = read_metadata(open_signed_metadata(renewed(pki, data)))
    target = await serve(renewed(pki, data))

    def lead_there(root: etree._Element) -> None:
        (redirect,) = root.iter(f"{{{SMP_NAMESPACE}}}Redirect")
        redirect.set("href", f"{target}/there")
        redirect[0].text = pki.smp_pair.certificate.subject.rfc4514_string()

    first = (folder / "busdox-servicemetadata-redirect-0192-991825827.xml").read_bytes()
    asking = await lookup(renewed(pki, first, lead_there))
    process = published.processes[0].process
    with pytest.raises(LookupFailed) as caught:
        await asking.find(published.participant, published.document_type, process, at=pki.now)
    # What the target publishes has expired since: it was read, and is refused for that alone.
    assert caught.value.code == "LOOKUP-EXPIRED"
    stranger = renewed(pki, first, lambda root: root[0][0].set("href", f"{target}/there"))
    asking = await lookup(stranger)
    with pytest.raises(LookupFailed, match="LOOKUP-REDIRECT"):
        await asking.find(published.participant, published.document_type, process, at=pki.now)
