"""Reading what banks send: ISO 20022 camt.052, camt.053 and camt.054, versions 1 to 14.

Reads a stream through the product's XML door, so that memory holds one entry of the file and, with
`read`, the values read so far. Pure: bytes in, values or a refusal out; books nothing.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Final

from reminders.bank import Account, Balance, BankMessage, Entry, MessageKind, Statement
from reminders.camt_entry import read_account, read_entry
from reminders.camt_fields import BankMessageRefused, Field, local_name
from ubl.safexml import Limits, Part, XmlRefused, iterate

__all__ = ["LIMITS", "BankMessageRefused", "Heading", "PlacedEntry", "Reading", "read"]

LIMITS: Final = Limits(max_bytes=100 * 1024 * 1024, max_depth=40, max_markup=2_000_000)
_NEWEST_VERSION: Final = 14
_NAMESPACE = re.compile(r"urn:iso:std:iso:20022:tech:xsd:(camt\.05[234])\.001\.([0-9]{2})")
_BODIES: Final = {
    MessageKind.REPORT: ("BkToCstmrAcctRpt", "Rpt"),
    MessageKind.STATEMENT: ("BkToCstmrStmt", "Stmt"),
    MessageKind.NOTIFICATION: ("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
}


@dataclass(frozen=True, slots=True)
class Heading:
    """What a message says of itself, once it was read to its end."""

    kind: MessageKind
    version: int
    message_id: str
    created: datetime


@dataclass(frozen=True, slots=True)
class PlacedEntry:
    """An entry with the head of its statement (which has no entries); ``position`` from 1."""

    statement: Statement
    position: int
    entry: Entry


def read(
    data: bytes | Iterable[bytes], *, bank_zone: tzinfo = UTC, limits: Limits = LIMITS
) -> BankMessage:
    """Read one bank message, given whole or as chunks of any size.

    ``bank_zone`` is the zone of moments that the bank writes without an offset. The whole
    message is refused when any field of it cannot be trusted, so that nothing is booked from
    half of a file. Raises BankMessageRefused.
    """
    message = _Message(bank_zone)
    for _ in message.entries(_chunks(data), limits):
        pass
    return message.finish()


class Reading:
    """A bank message read entry by entry, for files too large to hold.

    Iterating hands out the entries and raises BankMessageRefused as soon as a field cannot be
    trusted: whoever books from a file reads it to its end before, once. ``kind`` is known with
    the first entry, ``heading`` at the end. In the file a statement's head stands before its
    entries, as the schema has it; otherwise it is refused (BANK-MISSING).
    """

    def __init__(
        self, data: bytes | Iterable[bytes], *, bank_zone: tzinfo = UTC, limits: Limits = LIMITS
    ) -> None:
        """Take the file; nothing is read before the first entry is asked for."""
        self._chunks = _chunks(data)
        self._limits = limits
        self._message = _Message(bank_zone, keep_entries=False)

    @property
    def kind(self) -> MessageKind | None:
        """Which message it is; None before the first entry."""
        return self._message.kind

    def __iter__(self) -> Iterator[PlacedEntry]:
        return self._message.entries(self._chunks, self._limits)

    def finish(self) -> tuple[Heading, tuple[Statement, ...]]:
        """Return the heading and the heads of the statements, after the last entry."""
        whole = self._message.finish()
        heading = Heading(whole.kind, whole.version, whole.message_id, whole.created)
        return heading, whole.statements


def _chunks(data: bytes | Iterable[bytes]) -> Iterable[bytes]:
    return (data,) if isinstance(data, bytes) else data


class _Message:
    """The message as far as it was read."""

    def __init__(self, bank_zone: tzinfo, *, keep_entries: bool = True) -> None:
        self._zone = bank_zone
        self._keep = keep_entries
        self.kind: MessageKind | None = None
        self._version = 0
        self._message_id: str | None = None
        self._created: datetime | None = None
        self._statements: list[Statement] = []
        self._current = _Statement(1, keep_entries)

    def entries(self, chunks: Iterable[bytes], limits: Limits) -> Iterator[PlacedEntry]:
        """Read the stream; unless entries are kept, hand each out. Raises BankMessageRefused."""
        try:
            for part in iterate(chunks, depth=4, limits=limits):
                placed = self._take(part)
                if placed is not None and not self._keep:
                    yield placed
        except XmlRefused as refused:
            raise BankMessageRefused("BANK-XML", refused.message, line=refused.line) from refused

    def _take(self, part: Part) -> PlacedEntry | None:
        """Read the next complete element of the stream."""
        tags = (*part.path, str(part.element.tag))
        if self.kind is None:
            self.kind, self._version = _recognise(tags[0])
        body, block = _BODIES[self.kind]
        names = [local_name(tag) for tag in tags]
        if len(names) > 1 and not names[1].startswith(body):
            raise _not_camt(names[1])
        if names[2:3] == ["GrpHdr"] and len(names) == 4:
            self._header(names[3], Field(part.element, f"GrpHdr/{names[3]}"))
        elif names[2:3] == [block]:
            if len(names) == 4:
                return self._current.take(names[3], part, block, self._zone)
            self._statements.append(self._current.finish(Field(part.element, ""), block))
            self._current = _Statement(len(self._statements) + 1, self._keep)
        return None

    def _header(self, name: str, place: Field) -> None:
        if name == "MsgId":
            self._message_id = place.own_text()
        elif name == "CreDtTm":
            self._created = place.own_moment(self._zone)

    def finish(self) -> BankMessage:
        """Return the message, whole."""
        if self.kind is None:
            raise _not_camt("nothing")
        if self._message_id is None or self._created is None:
            raise BankMessageRefused(
                "BANK-MISSING",
                "The bank message has no message identification or creation time in GrpHdr. Ask "
                "the bank for a complete file.",
                place="GrpHdr",
            )
        if not self._statements:
            raise BankMessageRefused(
                "BANK-EMPTY",
                f"The bank message has no {_BODIES[self.kind][1]} in it, so it speaks of no "
                "account. Ask the bank for a complete file.",
            )
        return BankMessage(
            kind=self.kind,
            version=self._version,
            message_id=self._message_id,
            created=self._created,
            statements=tuple(self._statements),
        )


class _Statement:
    """One statement as far as it was read; ``number`` counts from 1 within the message."""

    def __init__(self, number: int, keep_entries: bool) -> None:
        self._number = number
        self._keep = keep_entries
        self._head: Statement | None = None
        self._entry_count = 0
        self._identification: str | None = None
        self._account: Account | None = None
        self._created: datetime | None = None
        self._page: int | None = None
        self._numbers: dict[str, int | None] = {}
        self._copy: str | None = None
        self._balances: list[Balance] = []
        self._entries: list[Entry] = []

    def take(self, name: str, part: Part, block: str, zone: tzinfo) -> PlacedEntry | None:
        """Read one child of the statement; an entry is kept, or returned with its head."""
        place = f"{block}[{self._number}]"
        field = Field(part.element, f"{place}/{name}")
        match name:
            case "Ntry":
                self._entry_count += 1
                entry = read_entry(Field(part.element, f"{field.place}[{self._entry_count}]"))
                if self._keep:
                    self._entries.append(entry)
                    return None
                self._head = self._head or self.finish(field, block)
                return PlacedEntry(self._head, self._entry_count, entry)
            case "Bal":
                self._balances.append(_balance(field))
            case "Acct":
                self._account = read_account(field)
            case "Id":
                self._identification = field.own_text()
            case "CreDtTm":
                self._created = field.own_moment(zone)
            case "ElctrncSeqNb" | "LglSeqNb":
                self._numbers[name] = field.own_number()
            case "StmtPgntn" | "RptPgntn" | "NtfctnPgntn":
                self._page = field.number("PgNb")
            case "CpyDplctInd":
                self._copy = field.own_text()
        return None

    def finish(self, at: Field, block: str) -> Statement:
        """Return the statement as far as it was read: whole at its end."""
        place = Field(at.element, f"{block}[{self._number}]")
        if self._identification is None or self._account is None:
            raise place.refusal(
                "BANK-MISSING",
                f"{place.place} lacks its identification or its account. Ask the bank for a "
                "complete file.",
            )
        if self._account.identifier is None:
            raise place.refusal(
                "BANK-MISSING",
                f"{place.place}/Acct has neither an IBAN nor another identification. Ask the "
                "bank for a complete file.",
            )
        return Statement(
            identification=self._identification,
            account=self._account,
            created=self._created,
            page=self._page,
            electronic_sequence=self._numbers.get("ElctrncSeqNb"),
            legal_sequence=self._numbers.get("LglSeqNb"),
            copy=self._copy,
            balances=tuple(self._balances),
            entries=tuple(self._entries),
        )


def _recognise(root: str) -> tuple[MessageKind, int]:
    namespace, _, name = root.lstrip("{").rpartition("}")
    found = _NAMESPACE.fullmatch(namespace)
    if found is None or name != "Document":
        raise _not_camt(root)
    version = int(found[2])
    if not 1 <= version <= _NEWEST_VERSION:
        raise BankMessageRefused(
            "BANK-VERSION",
            f"The bank message is {found[1]} in version {version}; versions 1 to "
            f"{_NEWEST_VERSION} are read here. Ask the bank for one of them, 8 for instance.",
        )
    return MessageKind(found[1]), version


def _not_camt(found: str) -> BankMessageRefused:
    return BankMessageRefused(
        "BANK-NOT-CAMT",
        f"The file is no account message of ISO 20022 (camt.052, camt.053, camt.054): found "
        f"'{found[:100]}'. Check that the right file was sent.",
    )


def _balance(place: Field) -> Balance:
    day = place.day("Dt")
    kind = place.any_text(
        ("Tp", "CdOrPrtry", "Cd"), ("Tp", "CdOrPrtry", "Prtry"), ("Tp", "Cd"), ("Tp", "Prtry")
    )
    if day is None or kind is None:
        raise place.refusal(
            "BANK-MISSING",
            f"{place.place} lacks its type or its date. Ask the bank for a complete file.",
        )
    return Balance(
        kind=kind,
        amount=place.need("Amt").own_amount(),
        direction=place.need_direction(),
        day=day,
    )
