"""What people type about a participant, read into values of the domain.

Pure: takes a form's texts; every fault is a GatewayError a page can show beside what was typed.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Final

from pydantic import ValidationError

from gateway.core.errors import ErrorKind, GatewayError
from gateway.network.business_card import BusinessEntity, CardContact, CardIdentifier, CardName
from gateway.network.identification import IdentificationRules, Proof
from gateway.network.identification_service import NewIdentification
from gateway.network.participant_changes import Amendment

__all__ = ["FORM_INVALID", "read_amendment", "read_entity", "read_identification", "simple_card"]

FORM_INVALID: Final = ErrorKind("PARTICIPANT-FORM", "What was typed cannot be used", 422)
LANGUAGES: Final = ("en", "fr", "nl", "de")


def read_entity(form: Mapping[str, str]) -> BusinessEntity:
    """The one business of a card. Raises GatewayError PARTICIPANT-FORM."""
    names = [CardName(name=form["name"])] if form.get("name") else []
    contact = {key: form.get(f"contact_{key}", "") for key in ("type", "name", "phone", "email")}
    registered = form.get("registered_on", "")
    try:
        names += [
            CardName(name=form[f"name_{one}"], language=one)
            for one in LANGUAGES
            if form.get(f"name_{one}")
        ]
        return BusinessEntity(
            names=names,
            country=form.get("country", "").upper(),
            location=form.get("location", ""),
            identifiers=[CardIdentifier(scheme="VAT", value=form["vat"])]
            if form.get("vat")
            else [],
            websites=[form["website"]] if form.get("website") else [],
            contacts=[CardContact(**contact)] if any(contact.values()) else [],
            additional=form.get("additional", ""),
            registered_on=_day(registered) if registered else None,
        )
    except ValidationError as error:
        raise _invalid(error) from None


def simple_card(entities: list[BusinessEntity]) -> dict[str, str] | None:
    """A card as the form's texts; None for one that only the API can express."""
    if not entities:
        return {}
    one = entities[0]
    plain = [name for name in one.names if name.language is None]
    languages = [name.language for name in one.names if name.language is not None]
    if (
        len(entities) > 1
        or len(plain) > 1
        or len(set(languages)) != len(languages)
        or not set(languages) <= set(LANGUAGES)
        or max(len(one.identifiers), len(one.websites), len(one.contacts)) > 1
        or any(found.scheme != "VAT" for found in one.identifiers)
    ):
        return None
    typed = {f"name_{name.language}": name.name for name in one.names if name.language}
    typed |= {"name": plain[0].name} if plain else {}
    typed |= {"vat": one.identifiers[0].value} if one.identifiers else {}
    typed |= {"website": one.websites[0]} if one.websites else {}
    if one.contacts:
        told = one.contacts[0].model_dump()
        typed |= {f"contact_{key}": value for key, value in told.items()}
    if one.registered_on is not None:
        typed["registered_on"] = one.registered_on.isoformat()
    return typed | {
        "country": one.country,
        "location": one.location,
        "additional": one.additional,
    }


def read_identification(
    form: Mapping[str, str], rules: IdentificationRules, *, withdraw: bool
) -> NewIdentification:
    """A record, or the withdrawal of the one before. Raises GatewayError PARTICIPANT-FORM."""
    identified_by, note = form.get("identified_by", ""), form.get("note", "")
    if not identified_by:
        raise GatewayError(FORM_INVALID, "Say who identified the end user.")
    on = _day(form.get("identified_on", ""))
    if withdraw:
        return NewIdentification({}, (), "", on, identified_by, note=note, valid=False)
    recheck = form.get("recheck_on", "")
    reference = form.get("proof_reference", "")
    digest = form.get("proof_sha256", "").lower()
    proof = Proof(form.get("proof_kind", ""), reference, digest)
    return NewIdentification(
        fields={one.id: form.get(f"field_{one.id}", "") for one in rules.field},
        proofs=(proof,) if reference else (),
        method=form.get("method", ""),
        identified_on=on,
        identified_by=identified_by,
        recheck_on=_day(recheck) if recheck else None,
        note=note,
    )


def read_amendment(form: Mapping[str, str]) -> Amendment:
    """Name, country and days of service (UTC). Raises GatewayError PARTICIPANT-FORM."""
    name, country = form.get("name", ""), form.get("country", "").upper()
    if not name or len(name) > 300:
        raise GatewayError(FORM_INVALID, "Give a name of at most 300 characters.")
    if len(country) != 2 or not country.isalpha() or not country.isascii():
        raise GatewayError(FORM_INVALID, "Write the country as two letters, such as BE.")
    return Amendment(
        name=name,
        country=country,
        serves_from=_moment(form.get("serves_from", "")),
        serves_until=_moment(form.get("serves_until", "")),
    )


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    day = _day(text)
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise GatewayError(FORM_INVALID, f"'{text[:20]}' is no date; write 2026-12-31.") from None


def _invalid(error: ValidationError) -> GatewayError:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return GatewayError(FORM_INVALID, f"Correct '{where}': {first['msg']}.")
