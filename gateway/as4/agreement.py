"""Whether the ebMS header agrees with the certificates and with the SBDH it travels with.

Compares values that others have read. Used both ways: before we send, and on what we receive.
"""

from cryptography import x509
from cryptography.x509.oid import NameOID

from gateway.as4.ebms import UserMessage
from gateway.as4.sbdheader import Sbdh

__all__ = ["Disagreement", "common_name", "disagreements"]

Disagreement = tuple[str, str]
"""A stable code and a sentence that says which two values differ."""


def common_name(certificate: x509.Certificate) -> str | None:
    """Return the subject CN, in Peppol the seat id; None if there is not exactly one."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if len(names) != 1 or not isinstance(names[0].value, str):
        return None
    return names[0].value


def disagreements(
    message: UserMessage,
    header: Sbdh,
    *,
    signer: x509.Certificate,
    recipient: x509.Certificate,
) -> list[Disagreement]:
    """List where message, SBDH, the signer's and the recipient's certificate differ.

    In the order in which C3 must check (AS4 profile 2.0.3 §5): participants, then access
    points, then service and action.
    """
    pairs = (
        (
            "AS4-SENDER-MISMATCH",
            "originalSender and the Sender of the SBDH",
            message.original_sender == header.sender,
        ),
        (
            "AS4-RECEIVER-MISMATCH",
            "finalRecipient and the Receiver of the SBDH",
            message.final_recipient == header.receiver,
        ),
        (
            "AS4-FROM-MISMATCH",
            "From/PartyId and the CN of the signer's certificate",
            message.from_party == common_name(signer),
        ),
        (
            "AS4-TO-MISMATCH",
            "To/PartyId and the CN of the receiving access point's certificate",
            message.to_party == common_name(recipient),
        ),
        (
            "AS4-SERVICE-MISMATCH",
            "Service and the PROCESSID of the SBDH",
            message.service == header.process,
        ),
        (
            "AS4-ACTION-MISMATCH",
            "Action and the DOCUMENTID of the SBDH",
            message.action == header.document_type,
        ),
    )
    return [(code, f"{what} must be equal and differ.") for code, what, same in pairs if not same]
