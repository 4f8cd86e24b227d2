"""What two gateways write while documents travel holds nothing that must not be read.

Real processes at the most talkative log level: deliveries, refusals at every door, wrong keys.
Searched for are keys, tokens, passwords and what stands in the documents.
"""

import os
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "crash"))

from crash_houses import House, build_house, found_country, wait_until
from exchange_houses import invoice_bytes

from gateway.demo.cast import BUYER, SELLER, SMP

MARK = "Zyxomma-7731-Quarterly"
"""Stands in the document as an article's name, and nowhere else."""
WRONG_KEY = "gw_wrong_0123456789abcdefghijklmnop"


@pytest.fixture(scope="module")
def houses(
    tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]
) -> Iterator[tuple[House, House]]:
    country = found_country(tmp_path_factory.mktemp("secrets"), free_port)
    built = [
        build_house(country, actor, home=country.folder / actor.key)
        for actor in (SMP, SELLER, BUYER)
    ]
    os.environ["LC_SECRET_PROBE"] = "in-the-environment-91"
    for house in built:
        file = house._file
        file.write_text('log_level = "DEBUG"\n' + file.read_text())
    try:
        for house in built:
            house.start()
        for house in built:
            wait_until(house.listens, f"the {house.actor.key} listens")
        yield built[1], built[2]
    finally:
        del os.environ["LC_SECRET_PROBE"]
        for house in built:
            house.stop()


def post(house: House, path: str, body: bytes, content_type: str, key: str = "") -> int:
    headers = {"Content-Type": content_type}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    request = urllib.request.Request(f"{house.settings.public_url}{path}", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def private_lines(house: House) -> set[str]:
    """Lines of base64 of every private key of a house, which no certificate shares."""
    files = house.settings.keys_dir.rglob("*.key.pem")
    texts = [one.read_text().splitlines() for one in files]
    assert texts
    return {line for text in texts for line in text if len(line) == 64}


def test_logs_of_a_full_round_trip_hold_no_secret_and_no_document(houses):
    sender, receiver = houses
    content = invoice_bytes("VT-LOG").replace(b"<cbc:Name>", f"<cbc:Name>{MARK} ".encode(), 1)
    assert MARK.encode() in content
    status, body = sender.call("/v1/documents", content)
    assert status == 202, body
    wait_until(
        lambda: any(one["number"] == "VT-LOG" for one in receiver.documents("in")), "VT-LOG arrives"
    )
    broken = content.replace(b"</cbc:PayableAmount>", b"9</cbc:PayableAmount>")
    assert sender.call("/v1/documents", broken)[0] == 422
    assert sender.call("/v1/documents", content[: len(content) // 2])[0] == 422
    assert post(sender, "/v1/documents", content, "application/xml", WRONG_KEY) == 401
    assert post(receiver, "/as4", content, "application/soap+xml") == 200
    assert post(receiver, "/as4", content, 'multipart/related; boundary="x"') == 200
    form = f"email={MARK}%40example.com&password={MARK}".encode()
    assert post(sender, "/sign-in", form, "application/x-www-form-urlencoded") >= 400
    for house in houses:
        house.stop()
        log = house._log.read_text()
        assert '"level": "debug"' in log or "http.answered" in log
        forbidden = {
            house._key,
            house._key.rpartition("_")[2],
            WRONG_KEY,
            MARK,
            "BEGIN PRIVATE KEY",
            "BEGIN RSA PRIVATE KEY",
            "in-the-environment-91",
            *private_lines(house),
        }
        found = {one for one in forbidden if one and one in log}
        assert not found, f"{house.actor.key} wrote {found}"
