"""Reading one entry of an account message with its transactions, whatever the version.

Version 1 keeps transactions directly in the entry and has older names for references and return
reasons; from version 8 on a party stands one level deeper. Pure: elements in, values out.
"""

from collections.abc import Iterator

from reminders.bank import (
    Account,
    Entry,
    Party,
    ReferredDocument,
    Remittance,
    ReturnReason,
    StructuredReference,
    Transaction,
    TransactionCode,
)
from reminders.camt_fields import Field

__all__ = ["read_account", "read_entry"]


def read_account(place: Field) -> Account:
    """Read a cash account."""
    iban = place.text("Id", "IBAN")
    return Account(
        iban="".join(iban.split()).upper() if iban else None,
        other=place.any_text(
            ("Id", "Othr", "Id"), ("Id", "PrtryAcct", "Id"), ("Id", "BBAN"), ("Id", "UPIC")
        ),
        currency=place.text("Ccy"),
        name=place.text("Nm"),
        owner=place.text("Ownr", "Nm"),
    )


def read_entry(place: Field) -> Entry:
    """Read one entry. Raises BankMessageRefused."""
    status = place.any_text(("Sts", "Cd"), ("Sts", "Prtry"))
    if status is None:
        status = place.need_text("Sts")
    return Entry(
        amount=place.need("Amt").own_amount(),
        direction=place.need_direction(),
        status=status,
        reversal=place.truth("RvslInd"),
        reference=place.text("NtryRef"),
        servicer_reference=place.text("AcctSvcrRef"),
        booking_date=place.day("BookgDt"),
        value_date=place.day("ValDt"),
        code=_code(place),
        transactions=tuple(_transaction(detail) for detail in _details(place)),
        note=place.text("AddtlNtryInf"),
    )


def _details(entry: Field) -> Iterator[Field]:
    yield from entry.all("TxDtls")
    for group in entry.all("NtryDtls"):
        yield from group.all("TxDtls")


def _transaction(place: Field) -> Transaction:
    end_to_end_id = place.text("Refs", "EndToEndId")
    return Transaction(
        end_to_end_id=None if end_to_end_id == "NOTPROVIDED" else end_to_end_id,
        mandate_id=place.text("Refs", "MndtId"),
        servicer_reference=place.text("Refs", "AcctSvcrRef"),
        transaction_id=place.text("Refs", "TxId"),
        uetr=place.text("Refs", "UETR"),
        amount=place.amount("Amt") or place.amount("AmtDtls", "TxAmt", "Amt"),
        booked_amount=place.amount("AmtDtls", "TxAmt", "Amt"),
        direction=place.direction(),
        code=_code(place),
        debtor=_party(place, "Dbtr"),
        creditor=_party(place, "Cdtr"),
        remittance=_remittance(place.first("RmtInf")),
        return_reason=_return_reason(place.first("RtrInf")),
    )


def _code(place: Field) -> TransactionCode:
    code = place.first("BkTxCd")
    if code is None:
        return TransactionCode()
    return TransactionCode(
        domain=code.text("Domn", "Cd"),
        family=code.text("Domn", "Fmly", "Cd"),
        subfamily=code.text("Domn", "Fmly", "SubFmlyCd"),
        proprietary=code.text("Prtry", "Cd"),
        proprietary_issuer=code.text("Prtry", "Issr"),
    )


def _party(place: Field, role: str) -> Party:
    parties = place.first("RltdPties")
    if parties is None:
        return Party()
    account = parties.first(f"{role}Acct")
    return Party(
        name=parties.any_text((role, "Nm"), (role, "Pty", "Nm"), (role, "Agt", "FinInstnId", "Nm")),
        account=Account() if account is None else read_account(account),
        ultimate_name=parties.any_text(
            (f"Ultmt{role}", "Nm"),
            (f"Ultmt{role}", "Pty", "Nm"),
            (f"Ultmt{role}", "Agt", "FinInstnId", "Nm"),
        ),
    )


def _remittance(place: Field | None) -> Remittance:
    if place is None:
        return Remittance()
    blocks = tuple(place.all("Strd"))
    return Remittance(
        lines=place.texts("Ustrd"),
        references=tuple(_references(blocks)),
        documents=tuple(_documents(blocks)),
        notes=tuple(note for block in blocks for note in block.texts("AddtlRmtInf")),
    )


def _references(blocks: tuple[Field, ...]) -> Iterator[StructuredReference]:
    for block in blocks:
        reference = block.first("CdtrRefInf")
        value = None if reference is None else reference.any_text(("Ref",), ("CdtrRef",))
        if reference is None or value is None:
            continue
        yield StructuredReference(
            value=value,
            kind=reference.any_text(
                ("Tp", "CdOrPrtry", "Cd"),
                ("Tp", "CdOrPrtry", "Prtry"),
                ("CdtrRefTp", "Cd"),
                ("CdtrRefTp", "Prtry"),
            ),
            issuer=reference.any_text(("Tp", "Issr"), ("CdtrRefTp", "Issr")),
        )


def _documents(blocks: tuple[Field, ...]) -> Iterator[ReferredDocument]:
    for block in blocks:
        for document in block.all("RfrdDocInf"):
            number = document.any_text(("Nb",), ("RfrdDocNb",))
            if number is not None:
                yield ReferredDocument(
                    number=number,
                    kind=document.any_text(
                        ("Tp", "CdOrPrtry", "Cd"),
                        ("Tp", "CdOrPrtry", "Prtry"),
                        ("RfrdDocTp", "Cd"),
                        ("RfrdDocTp", "Prtry"),
                    ),
                )


def _return_reason(place: Field | None) -> ReturnReason | None:
    if place is None:
        return None
    return ReturnReason(
        code=place.any_text(("Rsn", "Cd"), ("Rsn", "Prtry"), ("RtrRsn", "Cd"), ("RtrRsn", "Prtry")),
        notes=place.texts("AddtlInf") + place.texts("AddtlRtrRsnInf"),
    )
