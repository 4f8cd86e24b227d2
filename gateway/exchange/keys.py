"""Where handlers find the services of the exchange."""

from typing import Final

from aiohttp import web

from gateway.exchange.archive import Archive
from gateway.exchange.evidence import EvidenceBuilder
from gateway.exchange.reception import Receiver
from gateway.exchange.responding import Responder
from gateway.exchange.submission import Submission

__all__ = ["ARCHIVE", "EVIDENCE", "RECEIVER", "RESPONDER", "SUBMISSION"]

ARCHIVE: Final = web.AppKey("archive", Archive)
EVIDENCE: Final = web.AppKey("evidence", EvidenceBuilder)
RECEIVER: Final = web.AppKey("receiver", Receiver)
RESPONDER: Final = web.AppKey("responder", Responder)
SUBMISSION: Final = web.AppKey("submission", Submission)
