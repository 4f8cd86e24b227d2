"""Values that every package's API writes in the same way."""

from datetime import UTC, datetime
from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field

from ubl.amounts import decimal_text, from_minor

__all__ = ["Instant", "Money"]


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("the time lies outside the years 1 to 9999 in UTC") from None


Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A moment with its time zone; what has no place in UTC's calendar is refused."""


class Money(BaseModel):
    """An amount as a decimal string, with its ISO 4217 currency."""

    amount: str = Field(pattern=r"^-?\d{1,19}(\.\d{1,4})?$")
    currency: str = Field(pattern=r"^[A-Z]{3}$")

    @classmethod
    def of(cls, minor: int, currency: str) -> Self:
        """An amount held in minor units of its currency (cents for EUR, yen for JPY)."""
        return cls(amount=decimal_text(from_minor(minor, currency).value), currency=currency)
