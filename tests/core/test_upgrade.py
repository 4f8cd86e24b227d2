"""A database with rows in it is upgraded whole: nothing is lost, everything old still works."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from alembic import command
from sqlalchemy import column, insert, table, text
from sqlmodel import col
from sqlmodel import select as rows_of

from gateway.access.audit import audit, verify_chain
from gateway.access.principal import CallerKind, Principal
from gateway.access.tables import AuditEntry
from gateway.core import schema
from gateway.core.columns import metadata
from gateway.core.database import Database
from gateway.exchange.statistics.period import Period
from gateway.exchange.statistics.recount import recount
from gateway.exchange.tables import Document, Event, Reception, Transmission
from gateway.network.tables import Participant

OLD = "0006"
AT = datetime(2026, 10, 5, 12, 0, 0, 123456, tzinfo=UTC)
IDS = {name: UUID(int=number) for number, name in enumerate(("tenant", "blob", "sent", "come"), 1)}
TENANT, BLOB, SENT, COME = IDS.values()
STATES = {
    "network": "accepted",
    "business": "unanswered",
    "payment": "none",
    "created_at": AT,
    "updated_at": AT,
}


def document(document_id, direction, transport, sbdh_id):
    return {
        "id": document_id,
        "tenant_id": TENANT,
        "direction": direction,
        "kind": "invoice",
        "number": "A-1",
        "sender": "iso6523-actorid-upis::0208:0123456789",
        "sender_name": "",
        "receiver": "iso6523-actorid-upis::0208:9876543210",
        "receiver_name": "",
        "document_type": "busdox-docid-qns::a",
        "process": "cenbii-procid-ubl::b",
        "sbdh_id": sbdh_id,
        "fingerprint": sbdh_id,
        "content_id": BLOB,
        "transport": transport,
        **STATES,
    }


ROWS = {
    "tenant": [
        {"id": TENANT, "slug": "alpha", "name": "Alpha", "is_operator": False, "created_at": AT}
    ],
    "stored_blob": [
        {
            "id": BLOB,
            "tenant_id": TENANT,
            "purpose": "document",
            "media_type": "application/xml",
            "sha256": "ab" * 32,
            "size": 5,
            "created_at": AT,
        }
    ],
    "participant": [
        {
            "id": UUID(int=9),
            "tenant_id": TENANT,
            "scheme": "iso6523-actorid-upis",
            "value": "0208:0123456789",
            "name": "Alpha",
            "country": "BE",
            "created_at": AT,
        }
    ],
    "document": [
        document(SENT, "out", "delivered", "s-1"),
        document(COME, "in", "received", "s-2"),
    ],
    "transmission": [
        {
            "id": UUID(int=10),
            "tenant_id": TENANT,
            "document_id": SENT,
            "message_id": "m-1",
            "endpoint_url": "https://ap.example/as4",
            "peer_seat": "POP000002",
            "own_seat": "POP000001",
            "peer_certificate": "-",
            "lookup_id": BLOB,
            "envelope_id": BLOB,
            "request_id": BLOB,
            "receipt_id": BLOB,
            "encoded": {},
            "created_at": AT,
            "delivered_at": AT,
        }
    ],
    "reception": [
        {
            "id": UUID(int=11),
            "tenant_id": TENANT,
            "document_id": COME,
            "message_id": "m-2",
            "signer_seat": "POP000002",
            "signer_fingerprint": "cd",
            "signer_certificate": "-",
            "own_seat": "POP000001",
            "digest": "ef",
            "sbdh_id": "s-2",
            "sender": "x",
            "receiver": "y",
            "request_id": BLOB,
            "content_type": "multipart/related",
            "envelope_id": BLOB,
            "receipt_id": BLOB,
            "flagged": False,
            "received_at": AT,
        }
    ],
    "event": [
        {
            "tenant_id": TENANT,
            "document_id": one,
            "event_group": "transport",
            "kind": "document.received",
            "facts": {"seat": "POP000002"},
            "at": AT,
        }
        for one in (SENT, COME)
    ],
    "audit_entry": [
        {
            "id": UUID(int=20 + number),
            "tenant_id": TENANT,
            "actor": "anna@alpha.example",
            "action": "api-key.created",
            "object": f"clé {number}",
            "facts": {"name": "Zoë", "count": number, "a": "b"},
            "at": AT + timedelta(seconds=number),
        }
        for number in range(3)
    ],
}


@pytest.fixture
async def old(database: Database) -> Database:
    """A database of the version before this one's changes, with a few rows of each kind."""

    def build(connection) -> None:
        metadata.drop_all(connection)
        connection.execute(text("DROP TABLE alembic_version"))
        command.upgrade(schema._config(connection), OLD)
        for name, rows in ROWS.items():
            # Our types, but none of today's defaults: their columns are not there yet.
            known = metadata.tables[name].columns
            old_table = table(name, *(column(one, known[one].type) for one in rows[0]))
            connection.execute(insert(old_table), rows)

    async with database.engine.begin() as connection:
        await connection.run_sync(build)
    return database


async def test_an_old_database_with_rows_is_upgraded_whole(old: Database) -> None:
    await schema.upgrade(old)
    await schema.require_head(old)
    assert await schema.differences(old) == []
    async with old.read() as session:
        for kind, number in ((Participant, 1), (Transmission, 1), (Reception, 1), (Event, 2)):
            assert len((await session.exec(rows_of(kind))).all()) == number, kind
        documents = (await session.exec(rows_of(Document).order_by(col(Document.id)))).all()
        assert [(one.id, one.sending_round) for one in documents] == [(SENT, 0), (COME, 0)]
        (participant,) = await session.exec(rows_of(Participant))
        assert participant.suspended_because == ""
        assert (await recount(session, Period.of(AT))).agrees


async def test_what_the_audit_log_held_is_the_beginning_of_its_chain(old: Database) -> None:
    await schema.upgrade(old)
    caller = Principal(TENANT, "anna@alpha.example", CallerKind.USER, frozenset())
    async with old.write() as session:
        audit(session, caller, action="thing.done", object="new", count=1)
    async with old.read() as session:
        found = await verify_chain(session)
        rows = await session.exec(rows_of(AuditEntry).order_by(col(AuditEntry.number)))
        said = [(one.number, one.object) for one in rows]
    assert found.holds
    assert said == [(1, "clé 0"), (2, "clé 1"), (3, "clé 2"), (4, "new")]
