"""Which means of payment belong together: both syntaxes repeat the group for each account.

EN 16931 has one group of instructions with several accounts in it (BG-16, BG-17); UBL and CII
write the whole group again for each. Works on values of the model only.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from ubl.model import CreditTransfer, DirectDebit, PaymentInstructions

__all__ = ["DIRECT_DEBIT_CODES", "merged", "with_creditor"]

DIRECT_DEBIT_CODES: Final = frozenset({"49", "59"})


def merged(instructions: Iterable[PaymentInstructions]) -> tuple[PaymentInstructions, ...]:
    """Join what repeats its neighbour but for the account into one group with all the accounts."""
    groups: list[tuple[PaymentInstructions, list[CreditTransfer]]] = []
    for following in instructions:
        if groups and _belong_together(groups[-1][0], following):
            groups[-1][1].extend(following.credit_transfers)
        else:
            groups.append((following, list(following.credit_transfers)))
    return tuple(replace(first, credit_transfers=tuple(accounts)) for first, accounts in groups)


def with_creditor(
    instructions: tuple[PaymentInstructions, ...], creditor: str | None
) -> tuple[PaymentInstructions, ...]:
    """Give the document's creditor identifier (BT-90) to the direct debits it is for.

    That is every direct debit; where there is none, the first means of payment that is one by
    its code; where there is none either, instructions of its own at the end.
    """
    if creditor is None:
        return instructions
    if any(entry.direct_debit for entry in instructions):
        return tuple(
            replace(entry, direct_debit=replace(debit, creditor_identifier=creditor))
            if (debit := entry.direct_debit)
            else entry
            for entry in instructions
        )
    debit = DirectDebit(creditor_identifier=creditor)
    for index, entry in enumerate(instructions):
        if entry.means_code in DIRECT_DEBIT_CODES:
            changed = replace(entry, direct_debit=debit)
            return (*instructions[:index], changed, *instructions[index + 1 :])
    return (*instructions, PaymentInstructions(direct_debit=debit))


def _belong_together(first: PaymentInstructions, second: PaymentInstructions) -> bool:
    if not first.credit_transfers or not second.credit_transfers:
        return False
    bare = replace(first, credit_transfers=(), card=None, direct_debit=None)
    return replace(second, credit_transfers=()) == bare
