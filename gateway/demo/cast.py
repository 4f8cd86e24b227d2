"""Who plays in the demonstration: businesses with their access points, and an SMP.

Everybody is invented; identifiers follow the rules of their schemes.
"""

from dataclasses import dataclass
from typing import Final

from gateway.as4.identifiers import ParticipantId

__all__ = ["BUYER", "CAST", "DISPUTER", "PAUSED", "SELLER", "SMP", "Actor", "Firm"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Firm:
    """A business in the story, with an account at somebody's gateway.

    ``participant`` is ``None`` where it neither sends nor receives. ``person`` signs in to the
    console, in ``locale``; ``books`` is where its bookkeeping reads e-mail. ``reminders`` says
    that it registered for structured reminders, ``account`` where it is paid or pays from (IBAN).
    """

    key: str
    business: str
    participant: ParticipantId | None = None
    person: str = ""
    locale: str = "en"
    books: str = ""
    street: str = ""
    city: str = ""
    post_code: str = ""
    account: str = ""
    reminders: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor(Firm):
    """A firm that runs an instance of the gateway, alone or for its ``neighbours``.

    ``seat_id`` is the certificate's common name. ``port`` is preferred; another one is taken
    where it is in use.
    """

    provider: str
    country: str
    seat_id: str
    port: int
    neighbours: tuple[Firm, ...] = ()


SELLER: Final = Actor(
    key="seller",
    provider="Noordzee Access Point",
    country="BE",
    seat_id="POP000101",
    port=8701,
    business="Brouwerij De Vuurtoren BV",
    participant=ParticipantId.of("0208:0765432146"),
    person="an@vuurtoren.example",
    books="an@vuurtoren.example",
    street="Zeedijk 112",
    city="Oostende",
    post_code="8400",
    account="BE80001000077777",
)
DISPUTER: Final = Firm(
    key="disputer",
    business="Brasserie du Vieux Pont SRL",
    participant=ParticipantId.of("0208:0812345603"),
    person="claire@vieuxpont.example",
    books="compta@vieuxpont.example",
    locale="fr",
    street="Rue du Pont 3",
    city="Namur",
    post_code="5000",
)
PAUSED: Final = Firm(
    key="paused",
    business="Eetcafé 't Anker BV",
    participant=ParticipantId.of("0208:0734561204"),
    person="joris@anker.example",
    books="boekhouding@anker.example",
    locale="nl",
    street="Ankerplein 9",
    city="Antwerpen",
    post_code="2000",
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
    books="compta@deuxrives.example",
    locale="fr",
    street="Quai de Meuse 7",
    city="Dinant",
    post_code="5500",
    account="BE68539007547034",
    reminders=True,
    neighbours=(DISPUTER, PAUSED),
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
