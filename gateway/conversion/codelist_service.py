"""The code lists of a running instance, and whether each is up to date."""

from dataclasses import dataclass
from datetime import date
from typing import Final

from aiohttp import web

from gateway.conversion.codelists import CodeListStore, newest_rules
from gateway.core.clock import BusinessClock
from gateway.core.errors import GatewayError
from gateway.core.http import NOT_FOUND
from gateway.validation.rule_library import RuleLibrary
from ubl.codelists import CodeList, CodeListUnknown, Standing

__all__ = ["CODE_LISTS", "CodeListService", "ListedCodes"]


@dataclass(frozen=True, slots=True)
class ListedCodes:
    """One list as it stands today: ``age_days`` is how long its release has applied."""

    codes: CodeList
    standing: Standing
    age_days: int


class CodeListService:
    """Answers questions about the code lists; the lists are those read at the start."""

    def __init__(self, *, store: CodeListStore, library: RuleLibrary, today: BusinessClock) -> None:
        self._store = store
        self._library = library
        self._today = today

    @property
    def today(self) -> date:
        """The business date."""
        return self._today.today()

    async def all(self) -> list[ListedCodes]:
        """Every list, in the operator's order."""
        registry, today = await self._library.registry(), self.today
        newest = newest_rules(registry.rulesets, today)
        return [
            ListedCodes(
                one,
                self._store.standing(one.release, today, newest=newest),
                (today - one.release.valid_from).days,
            )
            for one in self._store.lists
        ]

    async def one(self, list_id: str) -> ListedCodes:
        """One list. Raises GatewayError NOT-FOUND."""
        try:
            wanted = self._store.lists.of(list_id)
        except CodeListUnknown:
            raise GatewayError(
                NOT_FOUND, f"There is no code list '{list_id}'. GET /v1/code-lists names them."
            ) from None
        return next(one for one in await self.all() if one.codes is wanted)


CODE_LISTS: Final = web.AppKey("code_lists", CodeListService)
