"""Who plays in the demonstration: two businesses with their access points, and an SMP.

Everybody is invented; identifiers follow the rules of their schemes.
"""

from dataclasses import dataclass
from typing import Final

from gateway.as4.identifiers import ParticipantId

__all__ = ["BUYER", "CAST", "SELLER", "SMP", "Actor"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """One instance of the gateway in the story, and the business that uses it.

    ``seat_id`` is its certificate's common name; ``participant`` is ``None`` for the SMP, which
    only publishes. ``port`` is preferred; another one is taken where it is in use.
    """

    key: str
    provider: str
    country: str
    seat_id: str
    port: int
    business: str
    participant: ParticipantId | None = None
    person: str = ""
    locale: str = "en"


SELLER: Final = Actor(
    key="seller",
    provider="Noordzee Access Point",
    country="BE",
    seat_id="POP000101",
    port=8701,
    business="Brouwerij De Vuurtoren BV",
    participant=ParticipantId.of("0208:0765432146"),
    person="an@vuurtoren.example",
)
BUYER: Final = Actor(
    key="buyer",
    provider="Ardenne Access Point",
    country="BE",
    seat_id="POP000202",
    port=8702,
    business="Café des Deux Rives SRL",
    participant=ParticipantId.of("0208:0876543270"),
    person="luc@deuxrives.example",
    locale="fr",
)
SMP: Final = Actor(
    key="smp",
    provider="Polder Metadata",
    country="BE",
    seat_id="PSM000303",
    port=8703,
    business="Polder Metadata",
    person="operator@polder.example",
)
CAST: Final = (SMP, SELLER, BUYER)
