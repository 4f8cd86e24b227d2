"""Where handlers find the operator's desk."""

from typing import Final

from aiohttp import web

from gateway.operations.service import OperatorDesk

__all__ = ["OPERATOR_DESK"]

OPERATOR_DESK: Final = web.AppKey("operator_desk", OperatorDesk)
