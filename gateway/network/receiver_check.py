"""C3's question before it takes a message: do we serve this receiver for this document?

Answered from our own tables, so that no outage elsewhere stops receiving. Sends nothing; the
exchange answers PEPPOL:NOT_SERVICED. Source: AS4 profile 2.0.3 §4 (participant, document type id
and process id SHOULD be checked).
"""

from datetime import datetime

from cryptography import x509
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.as4.identifiers import DocumentTypeId, ParticipantId, ProcessId
from gateway.core.settings import ReceiverCheck
from gateway.network import queries
from gateway.network.service import Network, ServedParticipant, served_by
from gateway.network.tables import Capability, Participant

__all__ = ["find_receiver"]


async def find_receiver(
    session: AsyncSession,
    network: Network,
    participant: ParticipantId,
    document_type: DocumentTypeId,
    process: ProcessId,
    *,
    check: ReceiverCheck = ReceiverCheck.DOCUMENT_TYPE,
) -> ServedParticipant | None:
    """The receiver, if this access point takes such documents for it; None: NOT_SERVICED.

    With ``ReceiverCheck.PARTICIPANT`` only the receiver is asked about: for operators whose
    participants are published in an SMP that is not ours.
    """
    row = await queries.served_participant(session, participant, at=network.now())
    served = served_by(participant, row)
    if row is None or served is None or check is ReceiverCheck.PARTICIPANT:
        return served
    takes = await _takes(session, network, row, document_type, process)
    return served if takes else None


async def _takes(
    session: AsyncSession,
    network: Network,
    row: Participant,
    document_type: DocumentTypeId,
    process: ProcessId,
) -> bool:
    at = network.now()
    for candidate in document_type.wildcard_candidates():
        for one in await queries.capabilities(session, row, candidate):
            if one.process == str(process) and _is_here(one, network) and _in_force(one, at):
                return True
    return False


def _is_here(capability: Capability, network: Network) -> bool:
    """Whether what is published leads here: by address, or by whose key it is encrypted for.

    The same access point may be published under another name than its own settings say.
    """
    if capability.certificate_pem is None or capability.endpoint_url in (None, network.as4_url):
        return True
    published = x509.load_pem_x509_certificate(capability.certificate_pem.encode())
    return any(published == own for own, _ in network.decryption_keys())


def _in_force(capability: Capability, at: datetime) -> bool:
    started = capability.activation is None or capability.activation <= at
    return started and (capability.expiry is None or at <= capability.expiry)
