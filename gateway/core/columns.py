"""Column types that mean the same on SQLite and PostgreSQL.

SQLite would lose time zones and the type of enumerations without a word; these types
refuse what cannot be stored faithfully.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar

from sqlalchemy import JSON, DateTime, Dialect, String, types
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import SQLModel

__all__ = ["EnumText", "Json", "UtcDateTime", "metadata"]

E = TypeVar("E", bound=StrEnum)

metadata = SQLModel.metadata
metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
"""Every table's metadata; constraints are named here, before any table module can exist."""

Json = JSON().with_variant(JSONB(), "postgresql")
"""JSON documents; never queried inside on a hot path."""


class UtcDateTime(types.TypeDecorator[datetime]):
    """An instant, stored in UTC and always read back with its time zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive values: an instant without a zone is a guess."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time stamp without time zone cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give SQLite's naive values their zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class EnumText(types.TypeDecorator[E], Generic[E]):
    """A closed vocabulary stored as its text, read back as the enumeration member."""

    impl = String(40)
    cache_ok = True

    def __init__(self, vocabulary: type[E]) -> None:
        super().__init__()
        self.vocabulary = vocabulary

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Store the member's value; refuse what is not in the vocabulary."""
        return None if value is None else self.vocabulary(value).value

    def process_result_value(self, value: Any, dialect: Dialect) -> E | None:
        """Return the member, never the bare text."""
        return None if value is None else self.vocabulary(value)
