"""``gateway pki``: whom this instance trusts, its seats' certificates, and renewing them.

A running server takes over what changes here by itself: certificates at once, decisions within
half a minute; new trust anchors when it is started again.
"""

import argparse
import asyncio
import getpass
import json
import re
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from sqlalchemy.exc import OperationalError

from gateway.access.service import operator_tenant
from gateway.as4.agreement import common_name
from gateway.as4.identifiers import IdentifierInvalid, check_seat_id
from gateway.commands.refusal import EXIT_USAGE, Unusable
from gateway.commands.settings import declare_config, read_settings
from gateway.core import schema
from gateway.core.clock import now
from gateway.core.database import Database
from gateway.core.errors import GatewayError
from gateway.core.settings import Settings, Stage
from gateway.network.anchor_bundles import BUNDLE_UNKNOWN, read_bundles, take_out
from gateway.network.anchors import (
    Anchor,
    AnchorKind,
    import_anchors,
    read_anchors,
    read_certificates,
)
from gateway.network.key_request import (
    check_installable,
    install_certificate,
    request_certificate,
)
from gateway.network.key_schedule import KeySchedules
from gateway.network.keys import FileKeys
from gateway.network.pkcs11 import token_of
from gateway.network.pki import Purpose, TrustAnchors, fingerprint
from gateway.network.seat_view import SeatCertificate, seat_certificates
from gateway.network.service import Network

__all__ = ["declare"]

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,40}")
_UNITS: Final = {
    (Purpose.AP, True): "PEPPOL PRODUCTION AP",
    (Purpose.AP, False): "PEPPOL TEST AP",
    (Purpose.SMP, True): "PEPPOL PRODUCTION SMP",
    (Purpose.SMP, False): "PEPPOL TEST SMP",
}
_DOES: Final = {
    "signing": "signs, decrypts, published",
    "waiting": "decrypts, will sign",
    "retiring": "decrypts only",
    "expired": "ended",
}


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare the verbs of the command."""
    verbs = parser.add_subparsers(required=True, metavar="WHAT")

    def add(
        name: str, work: Callable[[argparse.Namespace], int], text: str
    ) -> argparse.ArgumentParser:
        verb: argparse.ArgumentParser = verbs.add_parser(name, help=text, description=text)
        declare_config(verb)
        verb.set_defaults(command=work)
        return verb

    show = add("show", _show, "show whom this instance trusts")
    show.add_argument("--json", action="store_true", help="print JSON for programs")
    _describe_import(add("import", _import, "import trust anchors from files or a package"))
    seat = add("seat", _seat, "show what each certificate of the seats does")
    seat.add_argument("seat", nargs="?", type=_seat_id, help="only this seat, such as POP000001")
    seat.add_argument("--json", action="store_true", help="print JSON for programs")
    csr = add("csr", _csr, "make a new key for a seat and print the request for its certificate")
    csr.add_argument(
        "seat", type=_seat_id, help="the seat id the authority assigned, such as POP000001"
    )
    csr.add_argument("--organisation", required=True, help="legal name of the service provider")
    csr.add_argument("--country", required=True, type=_country, help="two letters, such as BE")
    csr.add_argument("--for", dest="purpose", choices=[one.value for one in Purpose], default="ap")
    csr.add_argument("--name", type=_name, help="name of the files (default: the month)")
    install = add("install", _install, "put a certificate beside the key it was issued for")
    install.add_argument("seat", type=_seat_id)
    install.add_argument("file", type=Path, help="the certificate, as PEM or DER")
    install.add_argument(
        "--signs-from", type=_moment, help="when it takes over, such as 2026-12-31T08:00 (UTC)"
    )
    switch = add("switch", _switch, "let another certificate of a seat take over")
    switch.add_argument("seat", type=_seat_id)
    switch.add_argument("fingerprint", help="its beginning is enough; see gateway pki seat")
    switch.add_argument("--from", dest="signs_from", type=_moment, help="when (UTC); default now")


def _describe_import(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="*", type=Path, help="PEM, DER or PKCS#12 files")
    parser.add_argument("--bundle", help="fetch the package that carries them; see pki show")
    parser.add_argument("--password", help="of a PKCS#12 trust store")
    parser.add_argument(
        "--for",
        dest="kind",
        choices=(AnchorKind.AP.value, AnchorKind.SMP.value),
        help="what an authority issues for, where its name does not say it",
    )
    parser.add_argument(
        "--replace", action="store_true", help="trust these only, no longer those from before"
    )


def _show(options: argparse.Namespace) -> int:
    settings = read_settings(options.config)
    anchors = read_anchors(settings.trust_dir)
    if options.json:
        print(json.dumps([_anchor_json(one) for one in anchors], indent=2))
        return 0
    for one in anchors:
        print(_anchor_line(one))
    offered = [one.id for one in _bundles(settings).values() if one.stage is _network(settings)]
    print(f"to be had with gateway pki import --bundle: {', '.join(offered) or 'nothing'}")
    return 0


def _anchor_line(one: Anchor) -> str:
    end = one.certificate.not_valid_after_utc
    return f"{one.kind:5}  {one.name}  until {end:%Y-%m-%d}  {fingerprint(one.certificate)}"


def _anchor_json(one: Anchor) -> dict[str, str]:
    certificate = one.certificate
    return {
        "kind": one.kind.value,
        "subject": certificate.subject.rfc4514_string(),
        "fingerprint": fingerprint(certificate),
        "not_before": certificate.not_valid_before_utc.isoformat(),
        "not_after": certificate.not_valid_after_utc.isoformat(),
    }


def _import(options: argparse.Namespace) -> int:
    settings = read_settings(options.config)
    if bool(options.files) == bool(options.bundle):
        raise Unusable("name files to import, or one package with --bundle.", EXIT_USAGE)
    contents = [_read(path) for path in options.files]
    if options.bundle:
        contents = [asyncio.run(_fetch(settings, options.bundle))]
    found = [one for data in contents for one in read_certificates(data, password=options.password)]
    added = import_anchors(
        settings.trust_dir,
        found,
        stage=settings.stage,
        at=now(),
        kind=AnchorKind(options.kind) if options.kind else None,
        replace=options.replace,
    )
    for one in added:
        print(f"added  {_anchor_line(one)}")
    print(f"{len(added)} added of {len(found)}; start the server again to use them")
    return 0


async def _fetch(settings: Settings, name: str) -> bytes:
    # What fetches rule files fetches these too; it is not loaded for anything else.
    from gateway.validation.rule_sources import Carrier, Fetcher  # noqa: PLC0415

    bundles = _bundles(settings)
    bundle = bundles.get(name)
    if bundle is None:
        raise GatewayError(
            BUNDLE_UNKNOWN, f"There is no bundle '{name}'; there are {', '.join(bundles)}."
        )
    with tempfile.TemporaryDirectory(prefix="anchors-") as folder:
        fetcher = Fetcher(settings.rules, folder=Path(folder), offline=False)
        wheel = await fetcher.fetch(Carrier("package", bundle.package, bundle.version))
        return await asyncio.to_thread(take_out, bundle, wheel)


def _bundles(settings: Settings) -> Any:
    return read_bundles(settings.config_dir)


def _network(settings: Settings) -> Stage:
    return Stage.PRODUCTION if settings.stage is Stage.PRODUCTION else Stage.TEST


def _seat(options: argparse.Namespace) -> int:
    async def work() -> int:
        async with _instance(options) as instance:
            known = instance.network.all_seat_ids()
            wanted = (options.seat,) if options.seat else known
            found = {one: _certificates(instance, one) for one in wanted}
        if options.json:
            rows = [_certificate_json(seat, one) for seat, all_ in found.items() for one in all_]
            print(json.dumps(rows, indent=2))
        else:
            lines = [line for item in found.items() for line in _seat_lines(*item)]
            print(
                "\n".join(lines or ["no seat has a certificate here; begin with gateway pki csr"])
            )
        return 0

    return asyncio.run(work())


def _certificates(instance: "_Instance", seat_id: str) -> tuple[SeatCertificate, ...]:
    return seat_certificates(instance.network.key_ring(seat_id), now())


def _seat_lines(seat_id: str, certificates: tuple[SeatCertificate, ...]) -> Iterator[str]:
    yield seat_id
    for one in certificates:
        kept = "token" if one.pair.on_token else "file"
        yield (
            f"  {one.pair.name}  {_DOES[one.state]}, from {one.signs_from:%Y-%m-%d %H:%M}Z, valid "
            f"until {one.not_after:%Y-%m-%d} ({one.days_left} days), key on {kept}"
        )
        yield f"    {one.fingerprint}"
        if one.removable_from:
            yield f"    may be removed from {one.removable_from:%Y-%m-%d}"


def _certificate_json(seat_id: str, one: SeatCertificate) -> dict[str, Any]:
    removable = one.removable_from
    return {
        "seat_id": seat_id,
        "name": one.pair.name,
        "fingerprint": one.fingerprint,
        "state": one.state.value,
        "signs_from": one.signs_from.isoformat(),
        "not_after": one.not_after.isoformat(),
        "days_left": one.days_left,
        "removable_from": removable.isoformat() if removable else None,
        "key": "token" if one.pair.on_token else "file",
    }


def _csr(options: argparse.Namespace) -> int:
    settings = read_settings(options.config)
    purpose = Purpose(options.purpose)
    name = options.name or f"{now():%Y-%m}"
    request = request_certificate(
        settings.keys_dir,
        options.seat,
        name=name,
        organisation=options.organisation,
        country=options.country,
        unit=_UNITS[purpose, settings.stage is Stage.PRODUCTION],
    )
    print(request.decode(), end="")
    print(
        f"gateway: the key is in {settings.keys_dir / options.seat}, named {name}; hand the "
        "request to the authority, then: gateway pki install",
        file=sys.stderr,
    )
    return 0


def _install(options: argparse.Namespace) -> int:
    settings = read_settings(options.config)
    found = read_certificates(_read(options.file))
    # Authorities hand out the chain with the certificate, in either order.
    own = (one for one in found if common_name(one) == options.seat)
    certificate = next(own, found[0])
    anchors = TrustAnchors.from_folder(settings.trust_dir)
    purpose = check_installable(certificate, options.seat, anchors=anchors, at=now())

    async def work() -> None:
        async with _instance(options) as instance:
            await instance.schedules.announce(
                options.seat,
                certificate,
                options.signs_from,
                tenant_id=await instance.operator(),
                actor=_actor(),
            )

    if options.signs_from is not None:
        asyncio.run(work())
    path = install_certificate(settings.keys_dir, options.seat, certificate)
    begins = options.signs_from or max(now(), certificate.not_valid_before_utc)
    print(
        f"{path}: {purpose.upper()} certificate; decrypts now, signs from {begins:%Y-%m-%d %H:%M}Z"
    )
    return 0


def _switch(options: argparse.Namespace) -> int:
    async def work() -> int:
        async with _instance(options) as instance:
            matching = [
                one.fingerprint
                for one in _certificates(instance, options.seat)
                if one.fingerprint.startswith(options.fingerprint.lower())
            ]
            if len(matching) != 1:
                raise Unusable(
                    f"{len(matching)} certificates of {options.seat} begin so; see gateway pki "
                    "seat.",
                    EXIT_USAGE,
                )
            pair = await instance.schedules.decide(
                options.seat,
                matching[0],
                options.signs_from or now(),
                tenant_id=await instance.operator(),
                actor=_actor(),
            )
            lines = list(_seat_lines(options.seat, _certificates(instance, options.seat)))
        print(f"{pair.name} takes over as decided")
        print("\n".join(lines))
        return 0

    return asyncio.run(work())


@dataclass(frozen=True, slots=True)
class _Instance:
    """What the commands about seats work on."""

    database: Database
    network: Network
    schedules: KeySchedules

    async def operator(self) -> UUID:
        """The account whose audit log tells of decisions."""
        async with self.database.read() as session:
            found = await operator_tenant(session)
        if found is None:
            raise Unusable("this instance was never started; start it once: gateway serve.")
        return found.id


@asynccontextmanager
async def _instance(options: argparse.Namespace) -> AsyncIterator[_Instance]:
    settings = read_settings(options.config)
    database = Database(settings.database_url)
    try:
        if database.is_postgresql:
            await schema.require_head(database)
        else:
            settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
            await schema.upgrade(database)
        network = Network(
            anchors=TrustAnchors.from_folder(settings.trust_dir),
            keys=FileKeys(settings.keys_dir, token_of(settings.keys)),
            stage=settings.stage,
            as4_url=settings.public_url,
            smp_url=settings.public_url,
            now=now,
        )
        schedules = KeySchedules(database=database, network=network)
        await schedules.refresh()
        yield _Instance(database, network, schedules)
    except OperationalError as error:
        reason = str(error.orig).strip().partition("\n")[0]
        raise Unusable(f"cannot use the database (database.url): {reason}.", EXIT_USAGE) from None
    finally:
        await database.close()


def _actor() -> str:
    return f"{getpass.getuser()} (command line)"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Unusable(f"cannot read {path}: {error.strerror}.", EXIT_USAGE) from None


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"'{text}' is no date with time") from None


def _seat_id(text: str) -> str:
    try:
        return check_seat_id(text)
    except IdentifierInvalid as error:
        raise argparse.ArgumentTypeError(error.message) from None


def _country(text: str) -> str:
    if not re.fullmatch(r"[A-Z]{2}", text):
        raise argparse.ArgumentTypeError(f"'{text}' is not two capital letters")
    return text


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(f"'{text}' is not made of a-z, 0-9 and '-'")
    return text
