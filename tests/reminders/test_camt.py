"""Bank messages of every version at hand: what is read from them, and why the broken ones are not.

The sample files are third-party and lie beside the checkout; other cases are made here.
"""

import contextlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reminders.bank import BankMessage, Direction, MessageKind
from reminders.camt import BankMessageRefused, read
from ubl.amounts import Amount, to_minor
from ubl.safexml import Limits

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "vectors" / "bank" / "camt"
CH = "CH2801234000123456789"
NL = "NL26VAYB8060476890"
FIN = "AAAASESS-FP-ACCR001"
RIB = "CAMT053RIB000000000001"
DAY_253 = "253EURNL26VAYB8060476890"
NL_OTHER = "NL56AGDH9619008421"
UXC = "UXC06140000015PI00001EE00001"
BATCH = ("UXC06170000006PI00001EE00001", *["UXC06170000006PI00001EE00002"] * 2)

# file: message, account, statement, first entry, debtor's name and account, references and texts
READ: dict[str, tuple[object, ...]] = {
    "052.v1": ("camt.052", 1, FIN, CH, [FIN], "200000 SEK DBIT BOOK", None, None, (), ()),
    "052.v2.other-account": (
        "camt.052", 2, FIN, CH, [FIN], "200000 SEK DBIT BOOK", "NAME NAME", "1111111111", (), (),
    ),
    "052.v2.with-account-name": (
        "camt.052", 2, FIN, CH, [FIN], "200000 SEK DBIT BOOK", "NAME NAME", CH, (), (),
    ),
    "052.v2": (
        "camt.052", 2, FIN, CH, [FIN], "200000 SEK DBIT BOOK", "NAME NAME", NL_OTHER, (), (),
    ),
    "052.v4": (
        "camt.052", 4, FIN, CH, [FIN], "200000 SEK DBIT PDNG", "Example Creditor 4 - V1",
        "CH2401234004141414141", (UXC,), ("Example Remittance - 4 - V1",),
    ),
    "052.v6.Amt-zero": (
        "camt.052", 6, FIN, CH, [FIN], "200000 SEK DBIT PDNG", "Example Creditor 6 - V1",
        "CH2401234004141414141", (UXC,), ("Example Remittance - 6 - V1",),
    ),
    "052.v6": (
        "camt.052", 6, FIN, CH, [FIN], "200000 SEK DBIT PDNG", "Example Creditor 6 - V1",
        "CH2401234004141414141", (UXC,), ("Example Remittance - 6 - V1",),
    ),
    "052.v8": ("camt.052", 8, FIN, CH, [FIN], "200000 SEK DBIT BOOK", None, None, (), ()),
    "053.v2.all-balance-types": (
        "camt.053", 2, "CAMT05300000001", CH, ["CAMT0532015012200001"], "8.850 EUR CRDT BOOK",
        None, None, ("000000001",), ("Transaction Description",),
    ),
    "053.v2.five.decimals": (
        "camt.053", 2, RIB, NL, [DAY_253], "8.850 EUR CRDT BOOK", None, None, ("000000001",),
        ("Transaction Description",),
    ),
    "053.v2.minimal.ultimate": (
        "camt.053", 2, RIB, NL, [DAY_253], "8.85 EUR CRDT BOOK", "DEBTOR NAME NM", None, (),
        ("4654654654654654",),
    ),
    "053.v2.minimal": (
        "camt.053", 2, RIB, NL, [DAY_253], "8.85 EUR CRDT BOOK", "NAME NAME", NL_OTHER, (),
        ("4654654654654654",),
    ),
    "053.v2.multi.statement": (
        "camt.053", 2, RIB, NL, [DAY_253, "254EURNL26VAYB8060476890"], "8.85 EUR CRDT BOOK", None,
        None, ("000000001", "000000002"),
        ("Transaction Description 1", "Transaction Description 2"),
    ),
    "053.v2.with-account-name": (
        "camt.053", 2, RIB, CH, ["253EURCH2801234000123456789"], "8.85 EUR CRDT BOOK", None, None,
        (), (),
    ),
    "053.v2.with-party-ids": (
        "camt.053", 2, RIB, NL, [DAY_253], "8.85 EUR CRDT BOOK", "NAME NAME", NL_OTHER, (),
        ("4654654654654654",),
    ),
    "053.v3": (
        "camt.053", 3, RIB, NL, [DAY_253], "8.85 EUR CRDT BOOK", "NAME NAME", NL_OTHER, (),
        ("4654654654654654",),
    ),
    "053.v4": (
        "camt.053", 4, RIB, NL, [DAY_253], "8.85 EUR CRDT BOOK", "NAME NAME", NL_OTHER, (),
        ("4654654654654654",),
    ),
    "053.v8": (
        "camt.053", 8, RIB, NL, [DAY_253], "8.85 EUR CRDT BOOK", "NAME NAME", NL_OTHER,
        ("MUELL/FINP/RA12345",), ("4654654654654654",),
    ),
    "054.v2.with-account-name": (
        "camt.054", 2, FIN, CH, [FIN], "200000 SEK DBIT BOOK", "MUELLER", CH, (), (),
    ),
    "054.v2": (
        "camt.054", 2, FIN, CH, [FIN], "200000 SEK DBIT BOOK", "MUELLER", None,
        ("MUELL/FINP/RA12345",) * 3,
        ("ISR ref number V1", "Unstructured Remittance Information V1", "ISR ref number V2",
         "Ref number V3 block 1", "Ref number V3 block 2",
         "Unstructured Remittance Information V3 block 1",
         "Unstructured Remittance Information V3 block 2"),
    ),
    "054.v8-with-UETR": ("camt.054", 8, FIN, CH, [FIN], "200000 SEK DBIT BOOK", None, None, (), ()),
    "054.v8-with-financial-institution": (
        "camt.054", 8, FIN, CH, [FIN], "200000 SEK DBIT BOOK", None, None, (), (),
    ),
    "53.only-Dt-with-DtTm": (
        "camt.053", 2, "I38y0h4YyLnQiOV6P7nEd44r2", "GB33BUKB20201555555555",
        ["I38y0h4YyLnQiOV6P7nEd44r2"], None, None, None, (), (),
    ),
}  # fmt: skip
for version in (4, 8):
    READ[f"054.v{version}"] = (
        "camt.054", version, FIN, CH, [FIN], "200000 SEK DBIT BOOK", "UNIFITS GmbH", CH, BATCH,
        READ["054.v2"][9],
    )  # fmt: skip
REFUSED = {"053.v2.wrong": "BANK-EMPTY"}


def key_fields(message: BankMessage) -> tuple[object, ...]:
    entries = [entry for statement in message.statements for entry in statement.entries]
    details = [detail for entry in entries for detail in entry.transactions]
    debtor = details[0].debtor if details else None
    return (
        str(message.kind),
        message.version,
        message.message_id,
        message.statements[0].account.identifier,
        [statement.identification for statement in message.statements],
        f"{entries[0].amount} {entries[0].direction} {entries[0].status}" if entries else None,
        (debtor.name or debtor.ultimate_name) if debtor else None,
        debtor.account.identifier if debtor else None,
        tuple(detail.end_to_end_id for detail in details if detail.end_to_end_id),
        tuple(
            text
            for detail in details
            for text in (
                *(reference.value for reference in detail.remittance.references),
                *detail.remittance.lines,
            )
        ),
    )


def samples() -> list[Path]:
    if not SAMPLES.exists():
        pytest.skip(f"the sample bank messages are not at {SAMPLES}")
    return sorted(SAMPLES.iterdir())


def test_every_sample_file_is_read_or_refused_as_known() -> None:
    found = {
        path.name.removeprefix("test_data_camt").removesuffix(".xml"): path for path in samples()
    }
    assert found.keys() == READ.keys() | REFUSED.keys()
    assert len(found) == 26
    for name, path in found.items():
        if name in REFUSED:
            with pytest.raises(BankMessageRefused) as refused:
                read(path.read_bytes())
            assert refused.value.code == REFUSED[name]
        else:
            assert key_fields(read(path.read_bytes())) == READ[name], name


def test_chunks_of_any_size_give_the_same_message() -> None:
    for path in samples():
        if path.name.endswith("wrong.xml"):
            continue
        data = path.read_bytes()
        pieces = [data[start : start + 97] for start in range(0, len(data), 97)]
        assert read(pieces) == read(data)


def sample(name: str) -> BankMessage:
    path = SAMPLES / f"test_data_camt{name}.xml"
    if not path.exists():
        pytest.skip(f"the sample bank message is not at {path}")
    return read(path.read_bytes())


def test_details_of_samples() -> None:
    report = sample("052.v4").statements[0]
    assert (report.page, report.electronic_sequence, report.legal_sequence) == (2, 12312, 12312)
    assert report.copy == "CODU"
    (detail,) = report.entries[0].transactions
    assert detail.amount == Amount(Decimal("4.1"), "USD")
    assert detail.booked_amount == Amount(Decimal("3.79"), "CHF")
    assert not report.entries[0].booked
    old = sample("052.v1")
    assert old.created == datetime(2007, 10, 18, 11, 30, tzinfo=UTC)
    assert old.statements[0].entries[0].code.domain == "PAYM"
    later = sample("053.v8").statements[0].entries[0]
    assert (later.booking_date, later.value_date) == (date(2014, 12, 31), date(2015, 1, 2))
    kinds = [b.kind for b in sample("053.v2.all-balance-types").statements[0].balances]
    assert kinds == ["OPBD", "PRCD", "OPAV", "CLBD", "CLAV", "FWAV", "INFO", "ITAV", "ITBD", "XPCD"]
    fine = sample("053.v2.five.decimals").statements[0].entries[0].amount
    assert to_minor(fine) == 885
    day = sample("53.only-Dt-with-DtTm").statements[0].balances[0].day
    assert day == date(2025, 7, 23)
    uetr = sample("054.v8-with-UETR").statements[0].entries[0].transactions[0].uetr
    assert uetr == "255ae394-9965-4438-ac86-f406feada396"
    bank = sample("054.v8-with-financial-institution").statements[0].entries[0].transactions[0]
    assert bank.creditor.name == "Example Creditor 3 - V1"


ENTRY = (
    '<Ntry><NtryRef>7</NtryRef><Amt Ccy="EUR">60.50</Amt><CdtDbtInd>DBIT</CdtDbtInd>'
    "<RvslInd>true</RvslInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-03-04+01:00</Dt></BookgDt>"
    "<AcctSvcrRef>S-1</AcctSvcrRef><BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>IDDT</Cd>"
    "<SubFmlyCd>UPDD</SubFmlyCd></Fmly></Domn></BkTxCd><NtryDtls><TxDtls><Refs>"
    "<EndToEndId>NOTPROVIDED</EndToEndId><MndtId>M-9</MndtId></Refs><RmtInf><Strd><RfrdDocInf><Tp>"
    "<CdOrPrtry><Cd>CINV</Cd></CdOrPrtry></Tp><Nb>F-1</Nb></RfrdDocInf><AddtlRmtInf>note"
    "</AddtlRmtInf></Strd></RmtInf><RtrInf><Rsn><Cd>MD06</Cd></Rsn><AddtlInf>asked back</AddtlInf>"
    "</RtrInf></TxDtls></NtryDtls></Ntry>"
)
HEAD = "<MsgId>M1</MsgId><CreDtTm>2026-03-04T18:00:00</CreDtTm>"


def made(
    entry: str = ENTRY,
    *,
    namespace: str = "camt.053.001.08",
    head: str = HEAD,
    account: str = "<Acct><Id><IBAN>BE71 0961 2345 6769</IBAN></Id></Acct>",
) -> bytes:
    return (
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:{namespace}"><BkToCstmrStmt>'
        f"<GrpHdr>{head}</GrpHdr><Stmt><Id>S1</Id>{account}{entry}</Stmt>"
        "</BkToCstmrStmt></Document>"
    ).encode()


def test_a_returned_direct_debit() -> None:
    message = read(made(), bank_zone=timezone(timedelta(hours=1)))
    assert message.kind is MessageKind.STATEMENT
    assert message.created == datetime(2026, 3, 4, 17, 0, tzinfo=UTC)
    assert message.statements[0].account.iban == "BE71096123456769"
    (entry,) = message.statements[0].entries
    assert (entry.reference, entry.servicer_reference, entry.reversal) == ("7", "S-1", True)
    assert (entry.direction, entry.booked) == (Direction.DEBIT, True)
    assert entry.booking_date == date(2026, 3, 4)
    (detail,) = entry.transactions
    assert (detail.end_to_end_id, detail.mandate_id, detail.amount) == (None, "M-9", None)
    assert [(d.number, d.kind) for d in detail.remittance.documents] == [("F-1", "CINV")]
    assert detail.remittance.notes == ("note",)
    assert detail.return_reason is not None
    assert (detail.return_reason.code, detail.return_reason.notes) == ("MD06", ("asked back",))


def test_blank_fields_are_absent() -> None:
    blank = made(
        "<ElctrncSeqNb> </ElctrncSeqNb><CreDtTm/>"
        + ENTRY.replace("2026-03-04+01:00", "").replace("<Nb>F-1</Nb>", "")
    )
    (statement,) = read(blank).statements
    assert (statement.electronic_sequence, statement.created) == (None, None)
    assert statement.entries[0].booking_date is None
    assert statement.entries[0].transactions[0].remittance.documents == ()


def test_names_of_version_1() -> None:
    entry = (
        '<Ntry><Amt Ccy="EUR">1</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BkTxCd/><TxDtls>'
        "<RmtInf><Strd><RfrdDocInf><RfrdDocTp><Cd>CINV</Cd></RfrdDocTp><RfrdDocNb>F-1</RfrdDocNb>"
        "</RfrdDocInf><CdtrRefInf><CdtrRefTp><Cd>SCOR</Cd><Issr>ISO</Issr></CdtrRefTp>"
        "<CdtrRef>RF18539007547034</CdtrRef></CdtrRefInf></Strd></RmtInf>"
        "<RtrInf><RtrRsn><Cd>AC04</Cd></RtrRsn></RtrInf></TxDtls></Ntry>"
    )
    account = "<Acct><Id><BBAN>123</BBAN></Id></Acct>"
    data = made(entry, namespace="camt.053.001.01", account=account)
    message = read(data.replace(b"BkToCstmrStmt>", b"BkToCstmrStmtV01>"))
    assert message.statements[0].account.identifier == "123"
    (detail,) = message.statements[0].entries[0].transactions
    (reference,) = detail.remittance.references
    assert (reference.value, reference.kind, reference.issuer) == (
        "RF18539007547034",
        "SCOR",
        "ISO",
    )
    assert detail.remittance.documents[0].number == "F-1"
    assert detail.return_reason is not None
    assert detail.return_reason.code == "AC04"


def edited(old: str, new: str) -> bytes:
    assert old in ENTRY
    return made(ENTRY.replace(old, new))


BROKEN = {
    "no XML": (b"BCD\n002", "BANK-XML"),
    "cut off": (made()[:-40], "BANK-XML"),
    "document type": (b"<!DOCTYPE Document><Document/>", "BANK-XML"),
    "an invoice": (b'<Invoice xmlns="urn:oasis:ubl"/>', "BANK-NOT-CAMT"),
    "another body": (made().replace(b"BkToCstmrStmt", b"CstmrPmtStsRpt"), "BANK-NOT-CAMT"),
    "another message": (made(namespace="pain.002.001.10"), "BANK-NOT-CAMT"),
    "a future version": (made(namespace="camt.053.001.15"), "BANK-VERSION"),
    "version zero": (made(namespace="camt.053.001.00"), "BANK-VERSION"),
    "no message id": (made(head="<CreDtTm>2026-03-04T18:00:00</CreDtTm>"), "BANK-MISSING"),
    "no moment": (made(head="<MsgId>M</MsgId>"), "BANK-MISSING"),
    "no account": (made(account=""), "BANK-MISSING"),
    "an empty account": (made(account="<Acct/>"), "BANK-MISSING"),
    "no amount": (edited('<Amt Ccy="EUR">60.50</Amt>', ""), "BANK-MISSING"),
    "no direction": (edited("<CdtDbtInd>DBIT</CdtDbtInd>", ""), "BANK-MISSING"),
    "an empty direction": (edited(">DBIT<", "> <"), "BANK-MISSING"),
    "no status": (edited("<Sts><Cd>BOOK</Cd></Sts>", ""), "BANK-MISSING"),
    "an empty status": (edited("<Cd>BOOK</Cd>", ""), "BANK-MISSING"),
    "no day at all": (edited("2026-03-04+01:00", "soon"), "BANK-DATE"),
    "a comma": (edited("60.50", "60,50"), "BANK-AMOUNT"),
    "a negative amount": (edited("60.50", "-60.50"), "BANK-AMOUNT"),
    "not a number": (edited("60.50", "NaN"), "BANK-AMOUNT"),
    "no currency": (edited(' Ccy="EUR"', ""), "BANK-CURRENCY"),
    "a small currency": (edited('"EUR"', '"eur"'), "BANK-CURRENCY"),
    "a wrong direction": (edited(">DBIT<", ">DEBIT<"), "BANK-CODE"),
    "neither true nor false": (edited(">true<", ">yes<"), "BANK-CODE"),
    "30 February": (edited("2026-03-04+01:00", "2026-02-30"), "BANK-DATE"),
    "no such hour": (made(head=HEAD.replace("T18", "T25")), "BANK-DATE"),
    "a long text": (edited("asked back", "x" * 4001), "BANK-TEXT"),
    "a number that is none": (made("<ElctrncSeqNb>1.5</ElctrncSeqNb>"), "BANK-NUMBER"),
    "a balance without day": (
        made("<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy='EUR'>1</Amt></Bal>"),
        "BANK-MISSING",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_broken_messages_say_what_is_wrong(name: str) -> None:
    data, code = BROKEN[name]
    with pytest.raises(BankMessageRefused) as refused:
        read(data)
    assert refused.value.code == code
    assert refused.value.message.endswith(".")
    assert len(refused.value.message) < 400


def test_the_place_of_a_fault_is_named() -> None:
    second = ENTRY.replace("60.50", "x")
    with pytest.raises(BankMessageRefused) as refused:
        read(made(ENTRY + "\n" + second))
    assert refused.value.place == "Stmt[1]/Ntry[2]/Amt"
    assert refused.value.line == 2


def test_a_message_too_large_is_refused() -> None:
    with pytest.raises(BankMessageRefused) as refused:
        read(made(), limits=Limits(max_bytes=300))
    assert refused.value.code == "BANK-XML"


def test_a_long_statement_is_read_entry_by_entry() -> None:
    def chunks() -> Iterator[bytes]:
        head, _, tail = made("|").partition(b"|")
        yield head
        for _ in range(500):
            yield ENTRY.encode()
        yield tail

    assert len(read(chunks()).statements[0].entries) == 500


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_damage_is_read_or_refused(data: st.DataObject) -> None:
    whole = bytearray(made())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(whole) - 1))
        whole[place : place + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=3))
    with contextlib.suppress(BankMessageRefused):
        assert read(bytes(whole)).statements
