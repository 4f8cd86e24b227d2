"""Remembering what authorities said, for every process of the instance."""

import hashlib
from datetime import datetime, timedelta
from typing import Any, Final

from cryptography import x509
from sqlalchemy import delete
from sqlmodel import col

from gateway.core.database import Database
from gateway.core.jobs.dialect import insert_or_skip
from gateway.network.pki import fingerprint
from gateway.network.revocation import RevocationAnswer, RevocationStatus
from gateway.network.trust_tables import CertificateStanding, StoredRevocationList

__all__ = ["RevocationStore", "list_key"]

KEPT_FOR: Final = timedelta(days=60)


def list_key(url: str, issuer: x509.Certificate) -> str:
    """The key of an authority's list at an address."""
    return hashlib.sha256(f"{fingerprint(issuer)} {url}".encode()).hexdigest()


class RevocationStore:
    """Reads and writes the last word about each certificate, and the lists."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def standing(self, certificate: str) -> CertificateStanding | None:
        """What was last heard of the certificate with this fingerprint."""
        async with self._database.read() as session:
            return await session.get(CertificateStanding, certificate)

    async def keep_answer(self, certificate: x509.Certificate, answer: RevocationAnswer) -> None:
        """Remember an answer, good or revoked; an older one never replaces a newer one."""
        good = answer.status is RevocationStatus.GOOD
        values: dict[str, Any] = {
            "subject": certificate.subject.rfc4514_string()[:600],
            "status": answer.status,
            "kind": answer.kind,
            "url": answer.url,
            "body": answer.body if answer.kind == "ocsp" else b"",
            "this_update": answer.this_update,
            "next_update": answer.next_update,
            "revoked_at": answer.revoked_at,
            "fetched_at": answer.fetched_at,
        }
        if good:
            values["last_good_at"] = answer.fetched_at
        key = fingerprint(certificate)
        async with self._database.write() as session:
            row = await session.get(CertificateStanding, key, with_for_update=True)
            if row is None:
                await session.exec(
                    insert_or_skip(session, CertificateStanding).values(fingerprint=key, **values)
                )
            elif answer.this_update >= row.this_update:
                row.sqlmodel_update(values)

    async def stored_list(self, key: str) -> StoredRevocationList | None:
        """The list that was fetched last under this key."""
        async with self._database.read() as session:
            return await session.get(StoredRevocationList, key)

    async def keep_list(
        self, key: str, *, url: str, body: bytes, next_update: datetime | None, at: datetime
    ) -> None:
        """Remember a verified list in place of the one before."""
        values = {"url": url, "body": body, "next_update": next_update, "fetched_at": at}
        async with self._database.write() as session:
            row = await session.get(StoredRevocationList, key, with_for_update=True)
            if row is None:
                await session.exec(
                    insert_or_skip(session, StoredRevocationList).values(key=key, **values)
                )
            else:
                row.sqlmodel_update(values)

    async def forget(self, at: datetime) -> None:
        """Remove what nobody asked about for two months."""
        async with self._database.write() as session:
            for table in (CertificateStanding, StoredRevocationList):
                await session.exec(
                    delete(table).where(col(table.fetched_at) < at - KEPT_FOR),
                    execution_options={"synchronize_session": False},
                )
