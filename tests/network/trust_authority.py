"""An authority of our own that tells of revocation: it signs OCSP answers and lists."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway.network.local_pki import Authority

WEEK = timedelta(days=7)
GOOD = ocsp.OCSPCertStatus.GOOD
REVOKED = ocsp.OCSPCertStatus.REVOKED
UNKNOWN = ocsp.OCSPCertStatus.UNKNOWN


def ocsp_answer(
    certificate: x509.Certificate,
    issuer: Authority,
    *,
    at: datetime,
    status: ocsp.OCSPCertStatus = GOOD,
    signer: Authority | None = None,
    this_update: datetime | None = None,
    next_update: datetime | None = None,
    endless: bool = False,
    by_name: bool = False,
    enclosed: tuple[x509.Certificate, ...] = (),
    algorithm: hashes.HashAlgorithm | None = None,
) -> bytes:
    """A signed answer about one certificate, by its issuer unless another signer is named."""
    signer = signer or issuer
    encoding = ocsp.OCSPResponderEncoding.NAME if by_name else ocsp.OCSPResponderEncoding.HASH
    builder = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            cert=certificate,
            issuer=issuer.certificate,
            algorithm=hashes.SHA1(),
            cert_status=status,
            this_update=this_update or at - timedelta(hours=1),
            next_update=None if endless else next_update or at + WEEK,
            revocation_time=at - timedelta(days=1) if status is REVOKED else None,
            revocation_reason=x509.ReasonFlags.key_compromise if status is REVOKED else None,
        )
        .responder_id(encoding, signer.certificate)
    )
    if enclosed:
        builder = builder.certificates(list(enclosed))
    return builder.sign(signer.key, algorithm or hashes.SHA256()).public_bytes(Encoding.DER)


def delegate(
    issuer: Authority,
    key: rsa.RSAPrivateKey,
    *,
    at: datetime,
    for_ocsp: bool = True,
    expired: bool = False,
) -> Authority:
    """A responder's certificate, signed by ``issuer``."""
    usages = [ExtendedKeyUsageOID.OCSP_SIGNING if for_ocsp else ExtendedKeyUsageOID.CLIENT_AUTH]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "TEST RESPONDER")]))
        .issuer_name(issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - timedelta(days=3))
        .not_valid_after(at + timedelta(days=-1 if expired else 30))
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .sign(issuer.key, hashes.SHA256())
    )
    return Authority(certificate=certificate, key=key)


def revocation_list(
    issuer: Authority,
    *,
    at: datetime,
    revoked: tuple[x509.Certificate, ...] = (),
    signer: Authority | None = None,
    this_update: datetime | None = None,
    next_update: datetime | None = None,
    reason: x509.ReasonFlags = x509.ReasonFlags.key_compromise,
    extensions: tuple[tuple[x509.ExtensionType, bool], ...] = (),
) -> bytes:
    """A signed list of what the authority revoked."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(this_update or at - timedelta(hours=1))
        .next_update(next_update or at + WEEK)
    )
    for one in revoked:
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder()
            .serial_number(one.serial_number)
            .revocation_date(at - timedelta(days=1))
            .add_extension(x509.CRLReason(reason), critical=False)
            .build()
        )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign((signer or issuer).key, hashes.SHA256()).public_bytes(Encoding.DER)


@dataclass
class Responder:
    """The authority's web server. What it says can be changed while it runs."""

    issuer: Authority
    at: datetime
    revoked: list[x509.Certificate] = field(default_factory=list)
    certificates: list[x509.Certificate] = field(default_factory=list)
    down: set[str] = field(default_factory=set)
    ocsp_override: bytes | None = None
    list_override: bytes | None = None
    status: ocsp.OCSPCertStatus = GOOD
    questions: int = 0
    downloads: int = 0
    list_size: int = 0

    def application(self) -> web.Application:
        application = web.Application()
        application.router.add_post("/ocsp", self.answer)
        application.router.add_get("/list.crl", self.publish)
        application.router.add_post("/moved", self.moved)
        application.router.add_post("/circle", self.circle)
        return application

    async def answer(self, request: web.Request) -> web.Response:
        self.questions += 1
        if "ocsp" in self.down:
            return web.Response(status=503)
        if self.ocsp_override is not None:
            return web.Response(body=self.ocsp_override)
        question = ocsp.load_der_ocsp_request(await request.read())
        asked = [one for one in self.certificates if one.serial_number == question.serial_number]
        if not asked:
            unauthorized = ocsp.OCSPResponseStatus.UNAUTHORIZED
            answer = ocsp.OCSPResponseBuilder.build_unsuccessful(unauthorized)
            return web.Response(body=answer.public_bytes(Encoding.DER))
        status = REVOKED if asked[0] in self.revoked else self.status
        body = ocsp_answer(asked[0], self.issuer, at=self.at, status=status, this_update=self.at)
        return web.Response(body=body)

    async def publish(self, _request: web.Request) -> web.Response:
        self.downloads += 1
        if "crl" in self.down:
            return web.Response(status=500)
        if self.list_override is not None:
            return web.Response(body=self.list_override)
        if self.list_size:
            return web.Response(body=b"\0" * self.list_size)
        body = revocation_list(
            self.issuer, at=self.at, revoked=tuple(self.revoked), this_update=self.at
        )
        return web.Response(body=body)

    async def moved(self, _request: web.Request) -> web.Response:
        return web.Response(status=307, headers={"Location": "/ocsp"})

    async def circle(self, _request: web.Request) -> web.Response:
        self.questions += 1
        return web.Response(status=307, headers={"Location": "/circle"})
