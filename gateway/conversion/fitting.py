"""Which formats an invoice fits into, found without writing any of them. Pure."""

from dataclasses import dataclass

from ubl.formats import FORMATS, Format, states_mode
from ubl.model import Invoice
from ubl.profiles import held_by

__all__ = ["Fit", "fits"]


@dataclass(frozen=True, slots=True)
class Fit:
    """A format the invoice can be had in; ``whole``: its profile has a place for every value.

    A profile that holds everything is no promise: only what was written and read back tells what
    its syntax lost.
    """

    format: Format
    whole: bool


def fits(invoice: Invoice, *, besides: Format | None = None) -> tuple[Fit, ...]:
    """List the formats of an invoice, in the order they are offered.

    ``besides`` is the one it is in already. Formats that want an invoicing mode (BT-23) are only
    for invoices that state one.
    """
    whole = {
        (profile, syntax): held_by(invoice, profile, syntax=syntax) == invoice
        for profile, syntax in {(one.profile, one.syntax) for one in FORMATS.values()}
    }
    has_mode = states_mode(invoice.business_process)
    return tuple(
        Fit(one, whole[one.profile, one.syntax])
        for one in FORMATS.values()
        if one != besides and (has_mode or not one.mode_required)
    )
