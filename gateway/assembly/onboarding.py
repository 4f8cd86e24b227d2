"""The list of going live for one process: the network's checks and those of other packages."""

from aiohttp import web

from gateway.assembly.checks import Checks
from gateway.assembly.participants import Registrations
from gateway.core.database import Database
from gateway.exchange.statistics import queries as statistics_queries
from gateway.network.identification_service import Identifications
from gateway.network.onboarding import Check, Finding, Onboarding, failed, ok, skipped
from gateway.network.onboarding_api import ONBOARDING
from gateway.network.onboarding_checks import NetworkChecks
from gateway.network.pki import Purpose
from gateway.network.service import Network
from gateway.validation.rule_service import RuleService

__all__ = ["onboarding_of", "serve_onboarding"]


def onboarding_of(people: Registrations, checks: Checks) -> Onboarding:
    """Build it."""
    platform = people.platform
    network_checks = NetworkChecks(
        database=platform.database,
        network=people.network,
        session=platform.http,
        registrar=people.registrar,
        spid_check=people.spid_check,
        public_url=platform.settings.public_url,
    )
    rules = RuleService(database=platform.database, library=checks.library, today=platform.business)
    return Onboarding(
        [
            *network_checks.checks(),
            Check("rules", lambda: _rules(rules)),
            Check("statistics", lambda: _statistics(platform.database, people.network)),
            Check("identification", lambda: _identification(people.identifications)),
            network_checks.by_hand(),
        ]
    )


def serve_onboarding(application: web.Application, onboarding: Onboarding) -> None:
    """Give the handlers their service."""
    application[ONBOARDING] = onboarding


async def _rules(rules: RuleService) -> Finding:
    in_force = [one for one in await rules.rulesets() if one.in_force]
    without = [one.ruleset.id for one in in_force if one.source is None]
    if without:
        named = ", ".join(without[:5])
        return failed("rules", f"{len(without)} rule sets in force have no file here: {named}.")
    return ok("rules", f"All {len(in_force)} rule sets in force are here.")


async def _statistics(database: Database, network: Network) -> Finding:
    async with database.read() as session:
        duties = {one.seat_id for one in await statistics_queries.duties(session) if one.active}
    seats = set(network.seat_ids(Purpose.AP))
    if not seats:
        return skipped("statistics", "There is no access point seat yet.")
    if missing := sorted(seats - duties):
        return failed("statistics", f"Nobody here reports for {', '.join(missing)}.")
    return ok("statistics", f"Reports are due for {', '.join(sorted(seats))}.")


async def _identification(identifications: Identifications) -> Finding:
    if not identifications.required:
        return skipped("identification", "Not asked for on this network (see the settings).")
    missing = await identifications.unidentified()
    if missing:
        named = ", ".join(missing[:5])
        return failed("identification", f"{len(missing)} published participants: {named}.")
    return ok("identification", "Every published participant's end user is identified.")
