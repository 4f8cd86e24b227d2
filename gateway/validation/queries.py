"""Reading the rows of validation: one report, lists of reports, orders with their files."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

from sqlalchemy import or_
from sqlalchemy.orm import QueryableAttribute, defer
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.core.errors import GatewayError
from gateway.core.http import NOT_FOUND
from gateway.validation.tables import OrderItem, ValidationOrder, ValidationRun

__all__ = ["OrderFile", "RunFilters", "items_of", "list_runs", "order_of", "run_of"]


_REPORT: Final = cast("QueryableAttribute[Any]", ValidationRun.report)


@dataclass(frozen=True, slots=True)
class RunFilters:
    """How a list of reports is narrowed; empty and None do not narrow.

    ``text`` is looked for in sender, number and file name, ``sender`` and ``file_name`` in
    theirs; ``ruleset`` is an id; ``since`` and ``until`` bound when the check was made, the
    latter exclusive.
    """

    verdict: str = ""
    text: str = ""
    sender: str = ""
    file_name: str = ""
    ruleset: str = ""
    sha256: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class OrderFile:
    """One file of an order, with its run once it has one."""

    item: OrderItem
    run: ValidationRun | None


async def run_of(session: AsyncSession, tenant_id: UUID, run_id: UUID) -> ValidationRun:
    """One run of the tenant; raises GatewayError NOT-FOUND for anybody else's."""
    run = await session.get(ValidationRun, run_id)
    if run is None or run.tenant_id != tenant_id:
        raise GatewayError(NOT_FOUND, "No validation run of this account has that id.")
    return run


async def list_runs(
    session: AsyncSession,
    tenant_id: UUID,
    filters: RunFilters,
    *,
    before: UUID | None = None,
    limit: int = 50,
) -> Sequence[ValidationRun]:
    """The tenant's runs without their reports, newest first, those older than ``before``."""
    query = (
        select(ValidationRun)
        .options(defer(_REPORT, raiseload=True))
        .where(ValidationRun.tenant_id == tenant_id)
    )
    if filters.verdict:
        query = query.where(ValidationRun.verdict == filters.verdict)
    if filters.sha256:
        query = query.where(ValidationRun.sha256 == filters.sha256)
    if filters.ruleset:
        query = query.where(
            col(ValidationRun.rulesets).contains(f" {filters.ruleset} ", autoescape=True)
        )
    if filters.sender:
        query = query.where(col(ValidationRun.sender).icontains(filters.sender, autoescape=True))
    if filters.file_name:
        query = query.where(
            col(ValidationRun.file_name).icontains(filters.file_name, autoescape=True)
        )
    if filters.text:
        columns = (ValidationRun.sender, ValidationRun.number, ValidationRun.file_name)
        query = query.where(
            or_(*(col(one).icontains(filters.text, autoescape=True) for one in columns))
        )
    if filters.since is not None:
        query = query.where(col(ValidationRun.created_at) >= filters.since)
    if filters.until is not None:
        query = query.where(col(ValidationRun.created_at) < filters.until)
    if before is not None:
        query = query.where(col(ValidationRun.id) < before)
    return (await session.exec(query.order_by(col(ValidationRun.id).desc()).limit(limit))).all()


async def order_of(session: AsyncSession, tenant_id: UUID, order_id: UUID) -> ValidationOrder:
    """One order of the tenant; raises GatewayError NOT-FOUND for anybody else's."""
    order = await session.get(ValidationOrder, order_id)
    if order is None or order.tenant_id != tenant_id:
        raise GatewayError(NOT_FOUND, "No validation order of this account has that id.")
    return order


async def items_of(session: AsyncSession, order_id: UUID) -> Sequence[OrderFile]:
    """The files of an order as they were given, with their runs (without the reports)."""
    found = await session.exec(
        select(OrderItem, ValidationRun)
        .options(defer(_REPORT, raiseload=True))
        .where(OrderItem.order_id == order_id)
        .join(ValidationRun, col(ValidationRun.id) == col(OrderItem.run_id), isouter=True)
        .order_by(col(OrderItem.position))
    )
    return [OrderFile(item, run) for item, run in found]
