"""What a document is, in plain values, for whoever gets it outside: evidence and hand-over."""

from typing import Any

from gateway.exchange.tables import Document

__all__ = ["described"]


def described(document: Document) -> dict[str, Any]:
    """Kind, number, date, parties, type and SBDH identifier, under the names of the API."""
    return {
        "kind": document.kind.value,
        "number": document.number,
        "issue_date": document.issue_date.isoformat() if document.issue_date else None,
        "sender": document.sender,
        "sender_name": document.sender_name,
        "receiver": document.receiver,
        "receiver_name": document.receiver_name,
        "document_type": document.document_type,
        "process": document.process,
        "sbdh_instance_identifier": document.sbdh_id,
    }
