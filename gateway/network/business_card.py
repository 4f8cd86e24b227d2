"""The business card: what the Peppol Directory may show the world about a participant.

Pure: values, their stored form and the XML a directory fetches from our SMP. Source: Peppol
Directory business card, namespace of 2018-06-21.
"""

import re
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Final

from lxml import etree
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from gateway.as4.identifiers import ParticipantId

__all__ = [
    "BUSINESS_CARD_NAMESPACE",
    "BusinessCard",
    "BusinessEntity",
    "CardContact",
    "CardIdentifier",
    "CardName",
    "business_card_xml",
]

BUSINESS_CARD_NAMESPACE: Final = "http://www.peppol.eu/schema/pd/businesscard/20180621/"
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def _printable(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError("control characters are not allowed")
    return text


def _web(text: str) -> str:
    if not re.fullmatch(r"https?://[^\s<>\"]{3,}", text):
        raise ValueError("write a web address that begins with https://")
    return text


Text = Annotated[
    str,
    StringConstraints(min_length=1, max_length=500, strip_whitespace=True),
    AfterValidator(_printable),
]
OptionalText = Annotated[
    str, StringConstraints(max_length=500, strip_whitespace=True), AfterValidator(_printable)
]
Website = Annotated[str, StringConstraints(max_length=500), AfterValidator(_web)]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CardName(_Part):
    """A name of the business and the language it is in (ISO 639-1), if it is in one."""

    name: Text
    language: Language | None = None


class CardIdentifier(_Part):
    """A further number of the business, such as its VAT number, and who issued it."""

    scheme: Text
    value: Text


class CardContact(_Part):
    """Whom to ask; at least one of the fields is filled where it matters."""

    type: OptionalText = ""
    name: OptionalText = ""
    phone: OptionalText = ""
    email: OptionalText = ""


class BusinessEntity(_Part):
    """One business behind the participant; ``country`` is ISO 3166 alpha-2."""

    names: Annotated[list[CardName], Field(min_length=1, max_length=20)]
    country: Country
    location: OptionalText = ""
    identifiers: Annotated[list[CardIdentifier], Field(max_length=50)] = []
    websites: Annotated[list[Website], Field(max_length=10)] = []
    contacts: Annotated[list[CardContact], Field(max_length=20)] = []
    additional: Annotated[
        str, StringConstraints(max_length=2000, strip_whitespace=True), AfterValidator(_printable)
    ] = ""
    registered_on: date | None = None


@dataclass(frozen=True, slots=True)
class BusinessCard:
    """The card of one participant; without entities there is nothing for a directory."""

    participant: ParticipantId
    entities: tuple[BusinessEntity, ...] = field(default=())


def business_card_xml(card: BusinessCard) -> bytes:
    """The card as a directory reads it."""
    root = etree.Element(_pd("BusinessCard"), nsmap={"pd": BUSINESS_CARD_NAMESPACE})
    named = etree.SubElement(root, _pd("ParticipantIdentifier"), scheme=card.participant.scheme)
    named.text = card.participant.value
    for entity in card.entities:
        _entity(etree.SubElement(root, _pd("BusinessEntity")), entity)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def _entity(parent: etree._Element, entity: BusinessEntity) -> None:
    for name in entity.names:
        element = _leaf(parent, "Name", name.name)
        if name.language is not None:
            element.set("language", name.language)
    _leaf(parent, "CountryCode", entity.country)
    if entity.location:
        _leaf(parent, "GeographicalInformation", entity.location)
    for one in entity.identifiers:
        _leaf(parent, "Identifier", one.value).set("scheme", one.scheme)
    for website in entity.websites:
        _leaf(parent, "WebsiteURI", website)
    for contact in entity.contacts:
        told = {
            "type": contact.type,
            "name": contact.name,
            "phonenumber": contact.phone,
            "email": contact.email,
        }
        element = etree.SubElement(parent, _pd("Contact"))
        for key, value in told.items():
            if value:
                element.set(key, value)
    if entity.additional:
        _leaf(parent, "AdditionalInformation", entity.additional)
    if entity.registered_on is not None:
        _leaf(parent, "RegistrationDate", entity.registered_on.isoformat())


def _leaf(parent: etree._Element, name: str, text: str) -> etree._Element:
    element = etree.SubElement(parent, _pd(name))
    element.text = text
    return element


def _pd(name: str) -> str:
    return f"{{{BUSINESS_CARD_NAMESPACE}}}{name}"
