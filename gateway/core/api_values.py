"""Values that every package's API writes in the same way."""

from typing import Self

from pydantic import BaseModel, Field

from ubl.amounts import decimal_text, from_minor

__all__ = ["Money"]


class Money(BaseModel):
    """An amount as a decimal string, with its ISO 4217 currency."""

    amount: str = Field(pattern=r"^-?\d{1,19}(\.\d{1,4})?$")
    currency: str = Field(pattern=r"^[A-Z]{3}$")

    @classmethod
    def of(cls, minor: int, currency: str) -> Self:
        """An amount held in minor units."""
        return cls(amount=decimal_text(from_minor(minor, currency).value), currency=currency)
