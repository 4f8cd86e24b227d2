"""Rows of the rule store: the files of rule sets, and the sets operators imported.

Both tables only grow: which rules judged a document last year must stay answerable.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, Index, LargeBinary, Text
from sqlmodel import Field, SQLModel

from gateway.core.columns import UtcDateTime
from gateway.core.ids import new_id

__all__ = ["RuleArtefact", "RulesetEntry"]


class RuleArtefact(SQLModel, table=True):
    """One file of a rule set or schema, as published or as imported; ``origin`` says by whom.

    Not a blob: every process needs all of them at once and by content, whatever its storage is.
    """

    __tablename__ = "rule_artefact"

    sha256: str = Field(max_length=64, primary_key=True)
    file_name: str = Field(max_length=300)
    origin: str = Field(max_length=600)
    size: int
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    added_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class RulesetEntry(SQLModel, table=True):
    """The manifest of an imported rule set (TOML); of several with one id the last counts.

    An empty ``manifest`` means the set is withdrawn. ``author`` is the label of the audit log.
    """

    __tablename__ = "ruleset_entry"
    __table_args__ = (Index("ix_ruleset_entry_ruleset", "ruleset_id", "id"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    ruleset_id: str = Field(max_length=100)
    manifest: str = Field(sa_column=Column(Text, nullable=False))
    author: str = Field(max_length=340)
    added_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
