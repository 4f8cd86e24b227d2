"""Why no Factur-X file is made."""

from typing import Final

__all__ = ["ATTACHMENT_REFUSED", "FacturxRefused"]

ATTACHMENT_REFUSED: Final = "FACTURX-ATTACHMENT"
"""A file in the invoice is the reason, and no PDF."""


class FacturxRefused(ValueError):
    """The file cannot be made as asked.

    ``code`` is stable: FACTURX-FORMAT, FACTURX-PDF-DAMAGED, FACTURX-PDF-ENCRYPTED,
    FACTURX-PDF-SIGNED, FACTURX-PDF-TOO-LARGE, FACTURX-PDF-NOT-ARCHIVABLE or FACTURX-ATTACHMENT.
    ``obstacles`` says what keeps an own PDF from being PDF/A-3b, most telling first.
    """

    def __init__(self, code: str, message: str, obstacles: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.obstacles = obstacles
