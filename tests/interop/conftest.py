"""The Java peer: an access point on phase4, compiled once, run as two processes on loopback.

A receiver (C3) and a sender (C2) share one throw-away PKI with our own access point. Both end when
their standard input is closed, so nothing outlives the test run. Where Java, Maven or the Maven
repository are not at hand every test is skipped with that reason; sources of ours that do not
compile are a failure.
"""

import base64
import contextlib
import datetime
import fcntl
import hashlib
import json
import queue
import random
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PROJECT = Path(__file__).parent / "java"
INVOICE = Path(__file__).parent / "invoice.xml"
BUILD_SECONDS = 900
ANSWER_SECONDS = 120
PASSWORD = b"peppol"

OUR_PARTICIPANT = "iso6523-actorid-upis::0088:5400000000010"
JAVA_PARTICIPANT = "iso6523-actorid-upis::0088:5400000000027"
JAVA_SPID = "iso6523-actorid-upis::0242:000002"
BROKEN_PARTICIPANT = "iso6523-actorid-upis::9915:fail"
SPARE_PARTICIPANTS = tuple(f"iso6523-actorid-upis::9915:spare{number}" for number in range(1, 6))
"""Served by the Java peer, for tests that publish them in ways of their own."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("interop")


_ROWS: pytest.StashKey[list[tuple[str, str, str]]] = pytest.StashKey()
_JUDGED: pytest.StashKey[bool] = pytest.StashKey()


@pytest.fixture
def case(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Put one case of the matrix into the table at the end of the run, and insist on it."""
    rows = request.config.stash.setdefault(_ROWS, [])

    def judge(title: str, *, expected: str, got: str) -> None:
        rows.append((title, expected, got))
        request.node.stash[_JUDGED] = True
        assert got == expected, title

    return judge


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """A test that names no case is one by its own name."""
    outcome = yield
    report = outcome.get_result()
    rows = item.config.stash.setdefault(_ROWS, [])
    shown = report.when == "call" or report.skipped
    if not shown or item.stash.get(_JUDGED, False):
        return
    title = item.name.removeprefix("test_").replace("_", " ")
    rows.append((title, "so", "so" if report.passed else report.outcome))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """One line for each case: what it is, what was expected, what was got."""
    rows = config.stash.get(_ROWS, [])
    if not rows:
        return
    terminalreporter.section("interoperability: case | expected | got")
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for title, expected, got in rows:
        mark = "  " if expected == got else "! "
        terminalreporter.line(
            f"{mark}{title:<{widths[0]}} | {expected:<{widths[1]}} | {got}", red=expected != got
        )
    good = sum(expected == got for _, expected, got in rows)
    terminalreporter.line(f"{good} of {len(rows)} cases as expected")


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class Pki:
    """The identities of a test network and the folder that holds them as Java reads them.

    ``ours``, ``java`` and ``smp`` are good; ``expired`` and ``stranger`` (of another CA) carry our
    seat.
    """

    folder: Path
    root: x509.Certificate
    ap_ca: x509.Certificate
    smp_ca: x509.Certificate
    ours: Identity
    java: Identity
    expired: Identity
    stranger: Identity
    smp: Identity


def issue(
    common_name: str, issuer: Identity | None, *, ca: bool = False, age: int = 1, life: int = 365
) -> Identity:
    """Make a certificate issued ``age`` days ago for ``life`` days; without issuer a root."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "FOR TEST ONLY"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example Network"),
            x509.NameAttribute(NameOID.COUNTRY_NAME, "BE"),
        ]
    )
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=age)
    usage = x509.KeyUsage(
        digital_signature=not ca,
        key_encipherment=not ca,
        data_encipherment=not ca,
        content_commitment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.certificate.subject if issuer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=life))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(usage, critical=True)
    )
    if not ca:
        client = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
        builder = builder.add_extension(client, critical=True)
    return Identity(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    folder = tmp_path_factory.mktemp("pki")
    root = issue("Example Root CA", None, ca=True)
    ap_ca = issue("Example Access Point CA", root, ca=True)
    smp_ca = issue("Example Metadata Publisher CA", root, ca=True)
    made = Pki(
        folder=folder,
        root=root.certificate,
        ap_ca=ap_ca.certificate,
        smp_ca=smp_ca.certificate,
        ours=issue("POP000001", ap_ca),
        java=issue("POP000002", ap_ca),
        expired=issue("POP000001", ap_ca, age=20, life=10),
        stranger=issue("POP000001", issue("Example Other CA", None, ca=True)),
        smp=issue("PSM000001", smp_ca),
    )
    (folder / "ap-ca.pem").write_bytes(pem(ap_ca.certificate))
    (folder / "trust.p12").write_bytes(
        pkcs12.serialize_java_truststore(
            [
                pkcs12.PKCS12Certificate(root.certificate, b"root"),
                pkcs12.PKCS12Certificate(ap_ca.certificate, b"ap-ca"),
                pkcs12.PKCS12Certificate(smp_ca.certificate, b"smp-ca"),
            ],
            serialization.BestAvailableEncryption(PASSWORD),
        )
    )
    for name in ("ours", "java", "expired", "stranger"):
        identity: Identity = getattr(made, name)
        (folder / f"{name}.pem").write_bytes(pem(identity.certificate))
        (folder / f"{name}.p12").write_bytes(
            pkcs12.serialize_key_and_certificates(
                b"ap",
                identity.key,
                identity.certificate,
                None,
                serialization.BestAvailableEncryption(PASSWORD),
            )
        )
    return made


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="session")
def compiled() -> Callable[[Path, str], str]:
    """The class path of a Java project; Maven runs only when its sources have changed."""
    return class_path_of


@pytest.fixture(scope="session")
def java_class_path(compiled: Callable[[Path, str], str]) -> str:
    """The class path of the compiled peer."""
    return compiled(PROJECT, "the Java peer")


def class_path_of(project: Path, what: str) -> str:
    for tool in ("java", "javac", "mvn"):
        if shutil.which(tool) is None:
            pytest.skip(f"no {tool} on PATH: {what} cannot be built")
    sources = sorted([project / "pom.xml", *project.glob("src/**/*.java")])
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
    target = project / "target"
    target.mkdir(exist_ok=True)
    with (target / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = target / "stamp"
        if not stamp.exists() or stamp.read_text() != digest:
            build(project, what)
            stamp.write_text(digest)
    jars = (target / "classpath").read_text().strip()
    return f"{target / 'classes'}:{jars}"


def build(project: Path, what: str) -> None:
    """Compile a project; skip when its libraries cannot be fetched, fail when it is our fault."""
    mvn = shutil.which("mvn")
    assert mvn is not None
    shutil.rmtree(project / "target" / "classes", ignore_errors=True)
    done = subprocess.run(
        [mvn, "-q", "-B", "-Dstyle.color=never", "compile", "dependency:build-classpath"],
        cwd=project,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
        check=False,
    )
    if "COMPILATION ERROR" in done.stdout:
        pytest.fail(f"{what} does not compile:\n{done.stdout}", pytrace=False)
    if done.returncode:
        pytest.skip(f"Maven could not fetch what {what} needs: {done.stdout[:500]}")


@dataclass(slots=True)
class JavaProcess:
    """A running main class of the peer that speaks in lines; its log goes to a file."""

    process: subprocess.Popen[str]
    log: Path
    lines: "queue.Queue[str | None]" = field(default_factory=queue.Queue)
    shown: int = 0

    def read(self) -> str:
        """Wait for the next line of its standard output."""
        try:
            line = self.lines.get(timeout=ANSWER_SECONDS)
        except queue.Empty:
            pytest.fail(f"the Java peer says nothing; its log ends:\n{self.news()}")
        if line is None:
            pytest.fail(f"the Java peer has ended; its log ends:\n{self.news()}")
        return line

    def ask(self, order: dict[str, Any]) -> dict[str, Any]:
        """Hand over one order and wait for its answer."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.read())
        return answer

    def news(self) -> str:
        """What was logged since this was last asked."""
        text = self.log.read_text(errors="replace")
        fresh, self.shown = text[self.shown :], len(text)
        return fresh[-8000:]

    def _pump(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)


@contextlib.contextmanager
def running(main: str, class_path: str, folder: Path, *arguments: str) -> Iterator[JavaProcess]:
    """Run a main class of the peer until the block ends."""
    java = shutil.which("java")
    assert java is not None
    log = folder / f"{main}.log"
    with log.open("w") as errors:
        process = subprocess.Popen(
            [
                java,
                "-XX:TieredStopAtLevel=1",
                "-Xmx1g",
                f"-Djava.io.tmpdir={folder}",
                "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                "-cp",
                class_path,
                f"peer.{main}",
                *arguments,
            ],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    peer = JavaProcess(process, log)
    pump = threading.Thread(target=peer._pump, daemon=True)
    pump.start()
    try:
        yield peer
    finally:
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        pump.join()
        assert process.stdout is not None
        process.stdout.close()


@dataclass(frozen=True, slots=True)
class JavaReceiver:
    """The peer as C3: where it listens and what it has accepted."""

    url: str
    store: Path
    process: JavaProcess

    def received(self, message_id: str) -> bytes | None:
        """The stored document of a message exactly as phase4 handed it over, if accepted."""
        path = self.store / f"{message_id}.sbd"
        return path.read_bytes() if path.exists() else None

    def understood(self, message_id: str) -> dict[str, str]:
        """What the peer read in the headers of an accepted message."""
        fields: dict[str, str] = json.loads((self.store / f"{message_id}.json").read_text())
        return fields


@pytest.fixture(scope="session")
def java_receiver(
    java_class_path: str, pki: Pki, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[JavaReceiver]:
    folder = tmp_path_factory.mktemp("receiver")
    served = (JAVA_PARTICIPANT, JAVA_SPID, BROKEN_PARTICIPANT, *SPARE_PARTICIPANTS)
    values = [participant.partition("::")[2] for participant in served]
    store = folder / "accepted"
    arguments = (str(pki.folder), str(store), *values)
    with running("Receiver", java_class_path, folder, *arguments) as process:
        word, _, url = process.read().partition(" ")
        assert word == "LISTENING"
        yield JavaReceiver(url, store, process)


@pytest.fixture(scope="session")
def java_sender(
    java_class_path: str, pki: Pki, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[JavaProcess]:
    folder = tmp_path_factory.mktemp("sender")
    with running("Sender", java_class_path, folder, str(pki.folder)) as process:
        yield process


@pytest.fixture(scope="session")
def java_smp_client(
    java_class_path: str, pki: Pki, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[JavaProcess]:
    folder = tmp_path_factory.mktemp("smp-client")
    with running("SmpLookup", java_class_path, folder, str(pki.folder)) as process:
        yield process


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request as received; ``path`` is not decoded, header names are lower-cased."""

    path: str
    headers: dict[str, str]
    body: bytes


Answer = tuple[int, str, bytes] | None
"""Status, content type, body; None cuts the connection instead of answering."""


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[Request], Answer]], str]]:
    """Serve a function over HTTP on a free loopback port; gives its address."""
    servers: list[tuple[ThreadingHTTPServer, threading.Thread]] = []

    def start(answer: Callable[[Request], Answer]) -> str:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                given = answer(Request(self.path, headers, self._body(headers)))
                if given is None:
                    self.close_connection = True
                    return
                status, kind, body = given
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET

            def _body(self, headers: dict[str, str]) -> bytes:
                if headers.get("transfer-encoding") != "chunked":
                    return self.rfile.read(int(headers.get("content-length", 0)))
                chunks = []
                while size := int(self.rfile.readline().partition(b";")[0], 16):
                    chunks.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return b"".join(chunks)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(autouse=True)
def java_logs(request: pytest.FixtureRequest) -> Iterator[None]:
    """Put what the peer logged during a test into its captured output, shown if it fails."""
    yield
    for name in ("java_receiver", "java_sender", "java_smp_client"):
        if name in request.fixturenames:
            peer = request.getfixturevalue(name)
            process = peer.process if isinstance(peer, JavaReceiver) else peer
            print(f"--- log of {name}\n{process.news()}")


@pytest.fixture
def order(pki: Pki, tmp_path: Path, invoice: Callable[..., bytes]) -> Callable[..., dict[str, Any]]:
    """An order for the sender: an invoice from the Java peer, fields to be set or replaced."""
    payload = tmp_path / "payload.xml"
    payload.write_bytes(invoice())

    def make(url: str, *, recipient: str, **fields: Any) -> dict[str, Any]:
        return {
            "url": url,
            "recipient": str(pki.folder / f"{recipient}.pem"),
            "payload": str(payload),
            "key_store": "java.p12",
            "seat": "POP000002",
            "sender": JAVA_PARTICIPANT,
            "receiver": OUR_PARTICIPANT,
            "document_type": DOCUMENT_TYPE,
            "process": PROCESS,
            **fields,
        }

    return make


UBL = "urn:oasis:names:specification:ubl:schema:xsd:"
CUSTOMIZATION = "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"
PROFILE = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"
DOCUMENT_TYPE = f"busdox-docid-qns::{UBL}Invoice-2::Invoice##{CUSTOMIZATION}::2.1"
PROCESS = f"cenbii-procid-ubl::{PROFILE}"


@pytest.fixture(scope="session")
def invoice() -> Callable[..., bytes]:
    """Make a valid invoice from us to the Java peer's participant, with an annex of some size."""
    template = INVOICE.read_bytes()

    def make(*, megabytes: float = 0, number: int = 42) -> bytes:
        document = template.replace(b">2026-0042<", b">2026-%04d<" % number)
        if not megabytes:
            return document
        annex = base64.b64encode(random.Random(number).randbytes(int(megabytes * 750_000)))
        reference = (
            b"<cac:AdditionalDocumentReference><cbc:ID>1</cbc:ID><cac:Attachment>"
            b'<cbc:EmbeddedDocumentBinaryObject mimeCode="application/pdf" filename="annex.pdf">'
            b"%b</cbc:EmbeddedDocumentBinaryObject></cac:Attachment>"
            b"</cac:AdditionalDocumentReference>"
        )
        place = b"</cbc:BuyerReference>"
        return document.replace(place, place + reference % annex)

    return make
