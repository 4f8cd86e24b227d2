"""Where the handlers of participants find their services."""

from typing import Final

from aiohttp import web

from gateway.network.identification_service import Identifications
from gateway.network.participant_changes import ParticipantChanges
from gateway.network.participant_moves import ParticipantMoves
from gateway.network.publication_changes import PublicationChanges
from gateway.network.sml_registration import SmlRegistrar

__all__ = ["CHANGES", "IDENTIFICATIONS", "MOVES", "PUBLICATION_CHANGES", "REGISTRAR"]

CHANGES: Final = web.AppKey("participant_changes", ParticipantChanges)
IDENTIFICATIONS: Final = web.AppKey("identifications", Identifications)
MOVES: Final = web.AppKey("participant_moves", ParticipantMoves)
PUBLICATION_CHANGES: Final = web.AppKey("publication_changes", PublicationChanges)
REGISTRAR: Final = web.AppKey("sml_registrar", SmlRegistrar)
