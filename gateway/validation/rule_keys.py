"""Where handlers find the service of rule sets."""

from typing import Final

from aiohttp import web

from gateway.validation.rule_service import RuleService

__all__ = ["RULES"]

RULES: Final = web.AppKey("rules", RuleService)
