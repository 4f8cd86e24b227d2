"""Bringing trust anchors in: read from what the operator gives, checked, written as files.

Which authority is which follows from the network's own names or from the operator's word, never
from a guess; authorities of another stage are refused. Writes into the folder of anchors only.
Source: exchange facts 2.6.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12
from cryptography.x509.oid import NameOID

from gateway.as4.agreement import common_name
from gateway.core.durable import scratch_beside
from gateway.core.errors import ErrorKind
from gateway.core.settings import Stage
from gateway.network.pki import (
    ACCEPTED_HASHES,
    ANCHORS_MISSING,
    ANCHORS_UNREADABLE,
    AnchorsInvalid,
    TrustAnchors,
    fingerprint,
    issuer_of,
)

__all__ = [
    "ANCHORS_KIND",
    "ANCHORS_STAGE",
    "ANCHORS_WEAK",
    "Anchor",
    "AnchorKind",
    "import_anchors",
    "read_anchors",
    "read_certificates",
    "require_stage",
]

ANCHORS_STAGE: Final = ErrorKind("ANCHORS-STAGE", "A trust anchor is of another stage", 500)
ANCHORS_KIND: Final = ErrorKind("ANCHORS-KIND", "It is not clear what a trust anchor is for", 422)
ANCHORS_WEAK: Final = ErrorKind("ANCHORS-WEAK", "A trust anchor cannot be relied on", 422)

_TEST: Final = re.compile(r"\bTEST\b", re.IGNORECASE)
_PEM: Final = b"-----BEGIN CERTIFICATE-----"
_NOT_IN_NAMES: Final = re.compile(r"[^a-z0-9]+")


class AnchorKind(StrEnum):
    """What an authority is for: everything above the others, access points, or SMPs."""

    ROOT = "root"
    AP = "ap"
    SMP = "smp"


_NAMES: Final = {
    AnchorKind.AP: re.compile(r"\bACCESS POINT\b", re.IGNORECASE),
    AnchorKind.SMP: re.compile(r"\bSERVICE METADATA PUBLISHER\b", re.IGNORECASE),
}


@dataclass(frozen=True, slots=True)
class Anchor:
    """One authority's certificate and what it is for."""

    kind: AnchorKind
    certificate: x509.Certificate

    @property
    def name(self) -> str:
        """Its common name, or its whole subject."""
        return _name(self.certificate)

    @property
    def file_name(self) -> str:
        """Under which it lies in the folder: kind, name, beginning of the fingerprint."""
        words = _NOT_IN_NAMES.sub("-", self.name.lower()).strip("-")[:60]
        return f"{self.kind}-{words}-{fingerprint(self.certificate)[:8]}.pem"


def read_certificates(data: bytes, *, password: str | None = None) -> tuple[x509.Certificate, ...]:
    """Every certificate of a PEM, DER or PKCS#12 file. Raises AnchorsInvalid."""
    try:
        if _PEM in data:
            return tuple(x509.load_pem_x509_certificates(data))
        if not data.startswith(b"\x30"):
            raise ValueError
        try:
            return (x509.load_der_x509_certificate(data),)
        except ValueError:
            return _of_store(data, password)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise AnchorsInvalid(
            ANCHORS_UNREADABLE,
            "The file holds no readable certificates. Give PEM, DER, or a PKCS#12 trust store "
            "with its password.",
        ) from None


def _of_store(data: bytes, password: str | None) -> tuple[x509.Certificate, ...]:
    store = pkcs12.load_pkcs12(data, password.encode() if password else None)
    if not store.additional_certs:
        raise ValueError
    return tuple(one.certificate for one in store.additional_certs)


def read_anchors(folder: Path) -> tuple[Anchor, ...]:
    """The anchors that lie in the folder. Raises AnchorsInvalid."""
    found = TrustAnchors.from_folder(folder)
    return tuple(
        Anchor(kind, one)
        for kind, group in (
            (AnchorKind.ROOT, found.roots),
            (AnchorKind.AP, found.ap),
            (AnchorKind.SMP, found.smp),
        )
        for one in group
    )


def require_stage(certificates: Iterable[x509.Certificate], stage: Stage) -> None:
    """Refuse authorities of test networks in production, and the other way round.

    The network marks its test authorities by their names. Raises AnchorsInvalid ANCHORS-STAGE.
    """
    for one in certificates:
        units = one.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)
        names = [_name(one), *(str(unit.value) for unit in units)]
        is_test = any(_TEST.search(name) for name in names)
        if is_test and stage is Stage.PRODUCTION:
            raise AnchorsInvalid(
                ANCHORS_STAGE,
                f"'{_name(one)}' is an authority of a test network; this instance is in "
                "production. Configure the production authorities.",
            )
        if not is_test and stage is not Stage.PRODUCTION:
            raise AnchorsInvalid(
                ANCHORS_STAGE,
                f"'{_name(one)}' is no authority of a test network; the stage of this instance is "
                f"{stage}. Configure the test authorities.",
            )


def import_anchors(
    folder: Path,
    certificates: Sequence[x509.Certificate],
    *,
    stage: Stage,
    at: datetime,
    kind: AnchorKind | None = None,
    replace: bool = False,
) -> tuple[Anchor, ...]:
    """Add authorities to the folder, beside those of other generations; returns the new ones.

    ``kind`` is the operator's word for issuing authorities whose names do not say it. With
    ``replace`` those that are not among ``certificates`` go. Nothing is written unless the whole
    then forms complete chains. Raises AnchorsInvalid.
    """
    require_stage(certificates, stage)
    given = {fingerprint(one): _classified(one, kind, at) for one in certificates}
    known = {} if replace else {fingerprint(one.certificate): one for one in _present(folder)}
    _require_whole({**known, **given}.values())
    added = tuple(one for key, one in given.items() if key not in known)
    folder.mkdir(parents=True, exist_ok=True, mode=0o755)
    before = {path for kind in AnchorKind for path in folder.glob(f"{kind}-*.pem")}
    for anchor in sorted(added, key=lambda one: one.kind is not AnchorKind.ROOT):
        _write(folder / anchor.file_name, anchor.certificate.public_bytes(Encoding.PEM))
    if replace:
        for path in before - {folder / one.file_name for one in given.values()}:
            path.unlink()
    return added


def _present(folder: Path) -> tuple[Anchor, ...]:
    return read_anchors(folder) if any(folder.glob("*.pem")) else ()


def _require_whole(anchors: Iterable[Anchor]) -> None:
    groups: dict[AnchorKind, list[bytes]] = {kind: [] for kind in AnchorKind}
    for one in anchors:
        groups[one.kind].append(one.certificate.public_bytes(Encoding.PEM))
    missing = [kind.value for kind, group in groups.items() if not group]
    if missing:
        raise AnchorsInvalid(
            ANCHORS_MISSING,
            f"Anchors of the kind {', '.join(missing)} would be missing. Import root, access point "
            "and SMP authority together.",
        )
    TrustAnchors.from_pem(
        roots=b"\n".join(groups[AnchorKind.ROOT]),
        ap=b"\n".join(groups[AnchorKind.AP]),
        smp=b"\n".join(groups[AnchorKind.SMP]),
    )


def _classified(certificate: x509.Certificate, kind: AnchorKind | None, at: datetime) -> Anchor:
    if not isinstance(certificate.signature_hash_algorithm, ACCEPTED_HASHES):
        raise _weak(certificate, "is signed with a digest weaker than SHA-256")
    if certificate.not_valid_after_utc < at:
        raise _weak(certificate, f"ended on {certificate.not_valid_after_utc:%Y-%m-%d}")
    if issuer_of(certificate, [certificate]) is not None:
        return Anchor(AnchorKind.ROOT, certificate)
    named = [one for one, pattern in _NAMES.items() if pattern.search(_name(certificate))]
    if len(named) == 1 and kind in (None, named[0]):
        return Anchor(named[0], certificate)
    if not named and kind is not None:
        return Anchor(kind, certificate)
    raise AnchorsInvalid(ANCHORS_KIND, _unclear(_name(certificate), named, kind))


def _unclear(name: str, named: list[AnchorKind], kind: AnchorKind | None) -> str:
    if named:
        return f"By its name '{name}' issues for {' and '.join(named)}, not for {kind}."
    return f"The name of '{name}' does not say what it issues. Import it with --for ap or smp."


def _weak(certificate: x509.Certificate, fault: str) -> AnchorsInvalid:
    return AnchorsInvalid(
        ANCHORS_WEAK,
        f"The authority '{_name(certificate)}' {fault}. Use the current generation.",
    )


def _name(certificate: x509.Certificate) -> str:
    return common_name(certificate) or certificate.subject.rfc4514_string()


def _write(path: Path, data: bytes) -> None:
    """Put a file in place whole: a server may read the folder at any moment."""
    scratch = scratch_beside(path, data, mode=0o666)
    try:
        scratch.rename(path)
    finally:
        scratch.unlink(missing_ok=True)
