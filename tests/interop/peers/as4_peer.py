"""An access point on the Python package as4 0.2.0, run in an environment of its own.

Argument: the folder of the keys. Reads one order per line from standard input (JSON), answers each
with one line. ``build`` makes a request (``flaw`` makes it wrong, but properly signed), ``judge``
reads the answer to it, ``receive`` takes a request and gives the answer. Bytes are base64.
"""

import base64
import copy
import json
import sys
from pathlib import Path

from as4.core.common import AS4LocalPrivateKey
from as4.models.common import BaseElement
from as4.models.ebms.user_message import AgreementRef, PartyId
from as4.peppol import (
    BusdoxDocidQnsDocumentIdentifier,
    PeppolAS4MessageBuilderArgs,
    PeppolAS4Profile,
    PeppolSendingExchange,
    create_peppol_external_party,
    create_peppol_internal_party,
    parse_peppol_message,
    peppol_security_policy,
)
from as4.profiles.peppol.message import PeppolAS4Message
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12

SEAT = "POP000002"
WRITE_PARTY = BaseElement.dump_to_xml


def spoil_nothing(message):
    """A message as it should be."""


def spoil_sender_type(message):
    message.message_properties.original_sender.property_type = None


def spoil_sender(message):
    message.message_properties.original_sender.value = "0088:5400000000041"


def spoil_recipient(message):
    message.message_properties.final_recipient.value = "0088:5400000000041"


def spoil_agreement(message):
    message.collaboration_info.agreement_ref = AgreementRef(value="urn:example:agreement")


def spoil_party_type(message):
    message.party_info.party_from.party_id = PartyId(value=SEAT, type_value="urn:example:type")


def spoil_seat(message):
    message.party_info.party_from.party_id.value = "POP000009"


def spoil_number_of_parties(message):
    """The model knows one PartyId; the second is added as the element is written."""

    def twice(self, *arguments, **named):
        element = WRITE_PARTY(self, *arguments, **named)
        parent = element.getparent()
        if isinstance(self, PartyId) and parent.tag.endswith("}From"):
            parent.append(copy.deepcopy(element))
        return element

    BaseElement.dump_to_xml = twice


FLAWS = {
    "none": spoil_nothing,
    "original sender without type": spoil_sender_type,
    "original sender is not the envelope's": spoil_sender,
    "final recipient is not the envelope's": spoil_recipient,
    "another agreement": spoil_agreement,
    "another type of party": spoil_party_type,
    "From is not the signer": spoil_seat,
    "two parties in From": spoil_number_of_parties,
}


class Peer:
    """The keys of one access point and the exchanges it has begun."""

    def __init__(self, folder):
        self.folder = folder
        loaded = pkcs12.load_pkcs12((folder / "java.p12").read_bytes(), b"peppol")
        certificate = loaded.cert.certificate
        self.party = create_peppol_internal_party(SEAT, certificate, AS4LocalPrivateKey(loaded.key))
        self.policy = peppol_security_policy(self.certificate("ap-ca"))
        self.begun = {}

    def certificate(self, name):
        return x509.load_pem_x509_certificate((self.folder / f"{name}.pem").read_bytes())

    def build(self, order):
        exchange = PeppolSendingExchange(
            profile=PeppolAS4Profile,
            local_party=self.party,
            remote_party=create_peppol_external_party(
                order.get("to", "POP000001"), self.certificate(order["recipient"])
            ),
        )
        arguments = PeppolAS4MessageBuilderArgs(
            sender=order["sender"],
            recipient=order["receiver"],
            document_type_identifier=BusdoxDocidQnsDocumentIdentifier.from_identifier_value(
                order["document_type"]
            ),
            document_identification_instance_identifier=order["instance_identifier"],
            process_identifier=order["process"],
            c1_country_id="BE",
        )
        right = PeppolAS4Message.__dict__["get_user_message"]

        def wrong(cls, **named):
            message = right.__func__(cls, **named)
            FLAWS[order.get("flaw", "none")](message)
            return message

        PeppolAS4Message.get_user_message = classmethod(wrong)
        try:
            headers, body = exchange.build(base64.b64decode(order["payload"]), arguments)
        finally:
            PeppolAS4Message.get_user_message = right
            BaseElement.dump_to_xml = WRITE_PARTY
        self.begun[exchange.message_id] = exchange
        return {
            "message_id": exchange.message_id,
            "headers": headers,
            "body": base64.b64encode(body).decode(),
        }

    def judge(self, order):
        exchange = self.begun.pop(order["message_id"])
        exchange.receive_signal(base64.b64decode(order["answer"]))
        return {
            "state": exchange.state.value,
            "errors": [
                {"code": one.error_code, "detail": getattr(one.error_detail, "value", None)}
                for one in exchange.errors
            ],
        }

    def receive(self, order):
        exchange = parse_peppol_message(
            request_headers=order["headers"],
            request_body=base64.b64decode(order["body"]),
            local_party=self.party,
            security_policy=self.policy,
        )
        headers, signal = exchange.build_signal()
        documents = exchange.message.decrypted_data.values() if exchange.successful else []
        return {
            "state": exchange.state.value,
            "errors": [one.error_code for one in exchange.errors],
            "documents": [base64.b64encode(one).decode() for one in documents],
            "headers": dict(headers),
            "answer": base64.b64encode(signal).decode(),
        }


def main():
    peer = Peer(Path(sys.argv[1]))
    for line in sys.stdin:
        order = json.loads(line)
        try:
            answer = getattr(peer, order["do"])(order)
        except Exception as error:
            answer = {"exception": type(error).__name__, "message": str(error)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
