"""An account's own texts of e-mails: kept, shown as a sample document would say them, given up."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.access.audit import audit
from gateway.access.principal import Principal
from gateway.access.tables import Tenant
from gateway.access.turns import take_turn
from gateway.core.clock import MachineClock
from gateway.core.database import Database
from gateway.core.errors import GatewayError
from gateway.core.http import NOT_FOUND
from gateway.dispatch.composing import Said, Shown, show
from gateway.dispatch.tables import DispatchText
from gateway.dispatch.wording import TextKind, Wording, check_wording, our_wording
from ubl.amounts import from_minor
from ubl.localized import LANGUAGES, Localized

__all__ = ["Kept", "TextDesk", "text_key", "wording_of"]

_SCOPE: Final = "settings:write"
_SAMPLE_MINOR: Final = 123_450
_SAMPLE_DAYS: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What e-mails of a kind say in a language; ``own`` is the row, None for ours."""

    kind: TextKind
    language: str
    wording: Wording
    own: DispatchText | None


async def wording_of(
    session: AsyncSession, tenant_id: UUID, kind: TextKind, language: str
) -> Wording:
    """What an e-mail says now: the account's words, else ours."""
    row = await session.get(DispatchText, (tenant_id, kind, language))
    return _wording(row) if row is not None else our_wording(kind, language)


def text_key(kind: str, language: str) -> tuple[TextKind, str]:
    """The text somebody names; raises GatewayError NOT-FOUND."""
    if kind not in tuple(TextKind) or language not in LANGUAGES:
        raise GatewayError(
            NOT_FOUND,
            f"There are texts for {', '.join(TextKind)} in {', '.join(LANGUAGES)}.",
        )
    return TextKind(kind), language


class TextDesk:
    """The use cases behind API and console."""

    def __init__(self, *, database: Database, link_days: int, now: MachineClock) -> None:
        self._database = database
        self._link_days = link_days
        self._now = now

    async def all(self, caller: Principal) -> Sequence[Kept]:
        """Every text, by kind and language."""
        caller.require(_SCOPE)
        async with self._database.read() as session:
            rows = await session.exec(
                select(DispatchText).where(col(DispatchText.tenant_id) == caller.tenant_id)
            )
            own = {(one.kind, one.language): one for one in rows}
        return [
            _kept(kind, language, own.get((kind, language)))
            for kind in TextKind
            for language in LANGUAGES
        ]

    async def one(self, caller: Principal, kind: TextKind, language: str) -> Kept:
        """One text."""
        caller.require(_SCOPE)
        async with self._database.read() as session:
            row = await session.get(DispatchText, (caller.tenant_id, kind, language))
        return _kept(kind, language, row)

    async def save(
        self, caller: Principal, kind: TextKind, language: str, wording: Wording
    ) -> Kept:
        """Keep the account's words; raises GatewayError DISPATCH-TEXT for what cannot be used."""
        caller.require(_SCOPE)
        check_wording(wording)
        async with self._database.write() as session:
            await take_turn(session, caller.tenant_id)
            row = await session.merge(
                DispatchText(
                    tenant_id=caller.tenant_id,
                    kind=kind,
                    language=language,
                    subject=wording.subject,
                    body=wording.body,
                    closing=wording.closing,
                    updated_by=caller.actor[:300],
                    updated_at=self._now(),
                )
            )
            audit(session, caller, action="mail-text.changed", object=f"{kind}/{language}")
        return _kept(kind, language, row)

    async def forget(self, caller: Principal, kind: TextKind, language: str) -> Kept:
        """Go back to our words; doing it twice is no error."""
        caller.require(_SCOPE)
        async with self._database.write() as session:
            await take_turn(session, caller.tenant_id)
            row = await session.get(DispatchText, (caller.tenant_id, kind, language))
            if row is not None:
                await session.delete(row)
                audit(session, caller, action="mail-text.removed", object=f"{kind}/{language}")
        return _kept(kind, language, None)

    async def preview(self, caller: Principal, language: str, wording: Wording) -> Shown:
        """What a text says of a sample document; raises GatewayError DISPATCH-TEXT."""
        caller.require(_SCOPE)
        check_wording(wording)
        async with self._database.read() as session:
            seller = (await session.get_one(Tenant, caller.tenant_id)).name
        return show(wording, _sample(language, seller, self._now().date(), self._link_days))


def _kept(kind: TextKind, language: str, row: DispatchText | None) -> Kept:
    wording = _wording(row) if row is not None else our_wording(kind, language)
    return Kept(kind=kind, language=language, wording=wording, own=row)


def _wording(row: DispatchText) -> Wording:
    return Wording(subject=row.subject, body=row.body, closing=row.closing)


def _sample(language: str, seller: str, today: date, link_days: int) -> Said:
    """A document nobody sent."""
    return Said(
        locale=language,
        number=f"{today.year}-0042",
        seller=seller,
        buyer="Cobalt Works",
        total=Localized(language).amount(from_minor(_SAMPLE_MINOR, "EUR")),
        issued=today,
        due=today + timedelta(days=_SAMPLE_DAYS),
        until=today + timedelta(days=link_days),
        url="https://gateway.example/download/…",
        attached=True,
        data_in_pdf=True,
        data_in_xml=False,
    )
