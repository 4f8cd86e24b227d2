"""A registry of our own in the place of the SML: what it keeps, and its SOAP answers."""

from dataclasses import dataclass, field

from aiohttp import web
from lxml import etree

from gateway.as4.identifiers import ParticipantId
from gateway.network import sml_messages

LOCATOR = sml_messages.LOCATOR_NAMESPACE
SOAP = sml_messages.SOAP_NAMESPACE


@dataclass
class SmlRegistry:
    """What an SML keeps: SMPs, whose participant is whose, and keys of those that may leave."""

    publishers: dict[str, str] = field(default_factory=dict)
    entries: dict[ParticipantId, str] = field(default_factory=dict)
    keys: dict[ParticipantId, str] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    peers: set[str] = field(default_factory=set)
    fail_next: list[int] = field(default_factory=list)
    lose_next_answer: bool = False

    async def handle(self, request: web.Request) -> web.Response:
        """One SOAP call: the client is known by its certificate, faults are as declared."""
        assert request.transport is not None
        peer = request.transport.get_extra_info("peercert")
        self.peers |= {
            value for name in peer["subject"] for key, value in name if key == "commonName"
        }
        action = request.headers["SOAPAction"].strip('"')
        operation = sml_messages.SmlOperation(action)
        assert request.path.endswith(operation.service)
        self.seen.append(operation.name)
        if self.fail_next:
            return web.Response(status=self.fail_next.pop(0))
        body = etree.fromstring(await request.read())[0][0]
        answer = getattr(self, operation.name.lower())(body)
        if self.lose_next_answer:
            self.lose_next_answer = False
            assert request.transport is not None
            request.transport.abort()
        status = 500 if b"Fault>" in answer else 200
        return web.Response(body=answer, status=status, content_type="text/xml")

    def create(self, body: etree._Element) -> bytes:
        smp_id, who = smp_of(body), participants_of(body)
        if smp_id not in self.publishers:
            return fault("NotFoundFault", "no such SMP")
        if any(one in self.entries for one in who):
            return fault("BadRequestFault", "the participant exists already")
        self.entries.update(dict.fromkeys(who, smp_id))
        return answer("")

    create_list = create

    def delete(self, body: etree._Element) -> bytes:
        who = participants_of(body)
        if any(one not in self.entries for one in who):
            return fault("NotFoundFault", "no such participant")
        if any(self.entries[one] != smp_of(body) for one in who):
            return fault("UnauthorizedFault", "it is another SMP's")
        for one in who:
            del self.entries[one]
        return answer("")

    delete_list = delete

    def list(self, body: etree._Element) -> bytes:
        page = int(body.findtext(f"{{{LOCATOR}}}NextPageIdentifier") or 0)
        own = sorted(map(str, (p for p, smp in self.entries.items() if smp == smp_of(body))))
        shown = "".join(
            f'<i:ParticipantIdentifier xmlns:i="http://busdox.org/transport/identifiers/1.0/" '
            f'scheme="{ParticipantId.parse(one).scheme}">{ParticipantId.parse(one).value}'
            "</i:ParticipantIdentifier>"
            for one in own[page : page + 1]
        )
        more = f"<NextPageIdentifier>{page + 1}</NextPageIdentifier>" * (page + 1 < len(own))
        return answer(
            f'<ParticipantIdentifierPage xmlns="{LOCATOR}">{shown}{more}'
            "</ParticipantIdentifierPage>"
        )

    def create_publisher(self, body: etree._Element) -> bytes:
        if smp_of(body) in self.publishers:
            return fault("BadRequestFault", "the SMP exists already")
        self.publishers[smp_of(body)] = text_of(body, "LogicalAddress")
        return answer("")

    def update_publisher(self, body: etree._Element) -> bytes:
        self.publishers[smp_of(body)] = text_of(body, "LogicalAddress")
        return answer("")

    def read_publisher(self, body: etree._Element) -> bytes:
        known = self.publishers.get(smp_of(body))
        if known is None:
            return fault("NotFoundFault", "no such SMP")
        return answer(
            f'<ServiceMetadataPublisherService xmlns="{LOCATOR}"><PublisherEndpoint>'
            f"<LogicalAddress>{known}</LogicalAddress><PhysicalAddress>0.0.0.0</PhysicalAddress>"
            f"</PublisherEndpoint><ServiceMetadataPublisherID>{smp_of(body)}"
            "</ServiceMetadataPublisherID></ServiceMetadataPublisherService>"
        )

    def delete_publisher(self, body: etree._Element) -> bytes:
        if self.publishers.pop(body.text or "", None) is None:
            return fault("NotFoundFault", "no such SMP")
        self.entries = {p: smp for p, smp in self.entries.items() if smp != body.text}
        return answer("")

    def prepare_migrate(self, body: etree._Element) -> bytes:
        (who,) = participants_of(body)
        if self.entries.get(who) != smp_of(body):
            return fault("UnauthorizedFault", "it is not this SMP's participant")
        self.keys[who] = text_of(body, "MigrationKey")
        return answer("")

    def migrate(self, body: etree._Element) -> bytes:
        (who,) = participants_of(body)
        if self.keys.get(who) != text_of(body, "MigrationKey"):
            return fault("UnauthorizedFault", "the key does not fit")
        del self.keys[who]
        self.entries[who] = smp_of(body)
        return answer("")


def text_of(body: etree._Element, name: str) -> str:
    return next(body.iter(f"{{{LOCATOR}}}{name}")).text or ""


def smp_of(body: etree._Element) -> str:
    return text_of(body, "ServiceMetadataPublisherID")


def participants_of(body: etree._Element) -> list[ParticipantId]:
    return [
        ParticipantId(one.get("scheme", ""), one.text or "")
        for one in body.iter("{http://busdox.org/transport/identifiers/1.0/}ParticipantIdentifier")
    ]


def answer(inner: str) -> bytes:
    return f'<s:Envelope xmlns:s="{SOAP}"><s:Body>{inner}</s:Body></s:Envelope>'.encode()


def fault(kind: str, said: str) -> bytes:
    return answer(
        f"<s:Fault><faultcode>s:Server</faultcode><faultstring>x</faultstring><detail>"
        f'<l:{kind} xmlns:l="{LOCATOR}"><l:FaultMessage>{said}</l:FaultMessage></l:{kind}>'
        "</detail></s:Fault>"
    )
