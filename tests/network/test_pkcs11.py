"""Keys on a token, held by Debian's SoftHSM: they sign, unwrap, go away and come back."""

import importlib.util
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from gateway.as4.keys import OAEP_HASHES, KeyRefused
from gateway.core.errors import GatewayError, Retry
from gateway.core.settings import KeySettings
from gateway.network.keys import FileKeys, load_key_ring
from gateway.network.pkcs11 import Token, token_of

MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
PIN = "pin-that-is-nowhere"
LABEL = "POP000901 first"


class Hsm:
    """A SoftHSM of our own in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "tokens").mkdir()
        self.configuration = folder / "softhsm2.conf"
        self.configuration.write_text(
            f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\n"
        )
        self.run("--init-token", "--free", "--label", "gateway", "--so-pin", "1234", "--pin", PIN)

    def run(self, *arguments: str) -> None:
        subprocess.run(
            ["softhsm2-util", *arguments],
            env=os.environ | {"SOFTHSM2_CONF": str(self.configuration)},
            check=True,
            capture_output=True,
        )

    def add(self, key: rsa.RSAPrivateKey, label: str, number: str) -> None:
        file = self.folder / "key.pem"
        file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        self.run(
            "--import", str(file), "--token", "gateway", "--label", label, "--id", number,
            "--pin", PIN,
        )  # fmt: skip
        file.unlink()


def missing(what: str) -> None:
    if "softhsm2" in os.environ.get("GATEWAY_REQUIRE", "").split(","):
        pytest.fail(f"softhsm2 is required here: {what}", pytrace=False)
    pytest.skip(what)


@pytest.fixture(scope="module")
def hsm(tmp_path_factory):
    """One for the module: the vendor's library reads its configuration once per process."""
    if not (MODULE.exists() and shutil.which("softhsm2-util")):
        missing("SoftHSM is not here: apt-get install softhsm2")
    if importlib.util.find_spec("pkcs11") is None:
        missing("the extra pkcs11 is not installed")
    made = Hsm(tmp_path_factory.mktemp("hsm"))
    before = os.environ.get("SOFTHSM2_CONF")
    os.environ["SOFTHSM2_CONF"] = str(made.configuration)
    yield made
    if before is None:
        del os.environ["SOFTHSM2_CONF"]
    else:
        os.environ["SOFTHSM2_CONF"] = before


@pytest.fixture(scope="module")
def key(hsm, pki) -> rsa.RSAPrivateKey:
    hsm.add(pki.spare_key, LABEL, "A1")
    return pki.spare_key


@pytest.fixture
def token(hsm, key) -> Token:
    return Token(MODULE, label="gateway", pin=PIN)


def wrap(key: rsa.RSAPrivateKey, message: bytes, digest: str, mgf: str) -> bytes:
    scheme = padding.OAEP(padding.MGF1(OAEP_HASHES[mgf]()), OAEP_HASHES[digest](), None)
    return key.public_key().encrypt(message, scheme)


def test_a_key_on_the_token_signs(token, key) -> None:
    signature = token.key(LABEL, key.public_key()).sign(b"message")
    key.public_key().verify(signature, b"message", padding.PKCS1v15(), hashes.SHA256())


@pytest.mark.parametrize("digest", sorted(OAEP_HASHES))
@pytest.mark.parametrize("mgf", sorted(OAEP_HASHES))
def test_a_key_on_the_token_unwraps_what_the_library_wrapped(token, key, digest, mgf) -> None:
    handle = token.key(LABEL, key.public_key())
    wrapped = wrap(key, b"0123456789abcdef", digest, mgf)
    assert handle.unwrap(wrapped, digest=digest, mgf_digest=mgf) == b"0123456789abcdef"


def test_what_was_not_wrapped_for_the_key_is_refused(token, key) -> None:
    handle = token.key(LABEL, key.public_key())
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    for wrong in (b"", b"\0" * 256, b"\xff" * 256, b"x" * 255, wrap(other, b"k", "sha1", "sha1")):
        with pytest.raises(KeyRefused) as refused:
            handle.unwrap(wrong, digest="sha256", mgf_digest="sha256")
        assert refused.value.code == "KEY-UNWRAP"
    with pytest.raises(KeyRefused) as refused:
        handle.unwrap(b"\0" * 256, digest="md5", mgf_digest="sha256")
    assert refused.value.code == "KEY-OAEP-HASH"


def test_threads_do_not_mix(token, key) -> None:
    handle = token.key(LABEL, key.public_key())
    wrapped = {n: wrap(key, bytes([n]) * 16, "sha256", "sha256") for n in range(40)}

    def unwrap(number: int) -> bytes:
        handle.sign(b"in between")
        return handle.unwrap(wrapped[number], digest="sha256", mgf_digest="sha256")

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(unwrap, wrapped))
    assert found == [bytes([n]) * 16 for n in wrapped]


def test_a_session_that_was_lost_is_opened_again(token, key) -> None:
    handle = token.key(LABEL, key.public_key())
    token._session.close()
    assert handle.sign(b"message")


@pytest.mark.parametrize(
    ("label", "token_label", "module"),
    [
        ("no such key", "gateway", MODULE),
        (LABEL, "removed", MODULE),
        (LABEL, "gateway", Path("/nowhere/vendor.so")),
    ],
)
def test_what_is_not_there_is_said_without_the_pin(
    hsm, key, label, token_label, module, caplog
) -> None:
    with pytest.raises(GatewayError) as failed:
        Token(module, label=token_label, pin=PIN).key(label, key.public_key())
    assert failed.value.code == "KEYS-TOKEN"
    assert failed.value.retry is Retry.BACKOFF
    assert PIN not in failed.value.message + caplog.text


def test_the_seat_s_folder_names_the_key_on_the_token(token, key, pki, tmp_path) -> None:
    folder = tmp_path / "POP000901"
    folder.mkdir()
    certificate = pki.issue()
    (folder / "2027.cert.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (folder / "2027.key.label").write_text(f"{LABEL}\n")
    keys = FileKeys(tmp_path, token)
    pair = keys.ring("POP000901").signing(pki.now)
    assert (pair.name, pair.on_token, pair.certificate) == ("2027", True, certificate)
    assert pair.key.sign(b"message")
    with pytest.raises(GatewayError) as failed:
        load_key_ring(folder)
    assert failed.value.code == "KEYS-TOKEN-SETTINGS"
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    from gateway.network.local_pki import issue
    from gateway.network.pki import Purpose

    stranger = issue(
        seat_id="POP000901",
        purpose=Purpose.AP,
        public_key=other.public_key(),
        issuer=pki.ap,
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
    )
    (folder / "2027.cert.pem").write_bytes(stranger.public_bytes(Encoding.PEM))
    with pytest.raises(GatewayError) as failed:
        load_key_ring(folder, token)
    assert failed.value.code == "KEYS-INVALID"


def test_the_settings_of_a_token(hsm, tmp_path) -> None:
    assert token_of(KeySettings()) is None
    pin_file = tmp_path / "pin"
    pin_file.write_text(f"{PIN}\n")
    configured = KeySettings(pkcs11_module=MODULE, pkcs11_token="gateway", pkcs11_pin_file=pin_file)
    assert isinstance(token_of(configured), Token)
    assert PIN not in repr(configured)
    for wrong in (
        KeySettings(pkcs11_module=MODULE, pkcs11_token="gateway"),
        KeySettings(pkcs11_module=MODULE, pkcs11_pin=PIN),
        KeySettings(
            pkcs11_module=MODULE, pkcs11_token="gateway", pkcs11_pin_file=tmp_path / "none"
        ),
    ):
        with pytest.raises(GatewayError) as failed:
            token_of(wrong)
        assert failed.value.code == "KEYS-TOKEN-SETTINGS"


_ON_ITS_OWN = """
import sys
from pathlib import Path
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from gateway.as4.keys import KeyRefused
from gateway.core.errors import GatewayError
from gateway.network.pkcs11 import Token
module, label, pin, public, wrapped = sys.argv[1:]
try:
    token = Token(Path(module), label="gateway", pin=pin)
    key = token.key(label, load_pem_public_key(Path(public).read_bytes()))
    print(key.unwrap(bytes.fromhex(wrapped), digest="sha1", mgf_digest="sha1").decode())
except (GatewayError, KeyRefused) as error:
    print(error.code)
"""


def test_a_wrong_pin_is_tried_once(hsm, key, tmp_path) -> None:
    """In a process of its own: one process signs in to a token once."""
    wrapped = wrap(key, b"sixteen bytes 16", "sha1", "sha1")
    public = tmp_path / "public.pem"
    public.write_bytes(
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    said = {}
    for pin in (PIN, "wrong-pin"):
        command = (sys.executable, "-c", _ON_ITS_OWN, MODULE, LABEL, pin, public, wrapped.hex())
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert pin not in done.stdout + done.stderr
        said[pin] = done.stdout.strip()
    assert said[PIN] == "sixteen bytes 16"
    assert said["wrong-pin"].splitlines()[-1] == "KEYS-TOKEN"
    assert said["wrong-pin"].count("PinIncorrect") == 1
