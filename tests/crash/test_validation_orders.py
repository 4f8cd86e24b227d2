"""Orders of checks survive kill -9 at every named point: each file is judged once, and it is told.

One gateway process dies over one order five times, from storing its files to the moment after a
verdict is kept; each time the next life takes up where the last one ended.
"""

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from crash_houses import Country, House, Unanswered, build_house, wait_until
from sqlmodel import col, select

from gateway.demo.cast import BUYER, SELLER
from gateway.demo.invoices import render_invoice
from gateway.validation.tables import OrderItem, ValidationRun

DEATHS = ("blob-fsynced", "row-committed", "check-examined", "check-committed", "check-examined:2")
"""Before the order is in the table, after it, and over its files: before and after a verdict."""
FILES = 4
KINDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]
BOUNDARY = "crash-test-boundary"


@pytest.fixture
def told() -> Iterator[tuple[str, list[dict[str, object]]]]:
    """The address of a business that listens to webhooks, and what it was told."""
    heard: list[dict[str, object]] = []

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            message = json.loads(self.rfile.read(length))
            heard.append({**message, "id": self.headers["webhook-id"]})
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook", heard
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(params=KINDS)
def house(
    request: pytest.FixtureRequest, country: Country, free_port: Callable[[], int]
) -> Iterator[House]:
    # A port of its own: the seller of other files may still be up in this process.
    ports = {**country.ports, SELLER.key: free_port()}
    postgres = request.param == "postgresql"
    house = build_house(
        replace(country, ports=ports),
        SELLER,
        home=country.folder / f"orders-{request.param}",
        database=request.getfixturevalue("postgresql_url") if postgres else "",
    )
    yield house
    house.kill()


def order(house: House) -> tuple[int, dict[str, object]]:
    """Place the one order, as a client that repeats itself does."""
    parts = []
    for number in range(FILES):
        invoice = render_invoice(
            number=f"VO-{number}", seller=SELLER, buyer=BUYER, issued=date(2026, 11, 2)
        )
        head = f'Content-Disposition: form-data; name="file"; filename="{number}.xml"'
        parts.append(f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode() + invoice + b"\r\n")
    status, body = house.call(
        "/v1/validations",
        b"".join(parts) + f"--{BOUNDARY}--\r\n".encode(),
        Content_Type=f"multipart/form-data; boundary={BOUNDARY}",
        Idempotency_Key="the-order",
    )
    return status, json.loads(body)


def test_an_order_outlives_every_death(
    house: House, told: tuple[str, list[dict[str, object]]]
) -> None:
    address, heard = told
    house.start()
    wait_until(house.listens, "the gateway listens")
    hook = json.dumps({"url": address, "event_types": ["validation.completed"]}).encode()
    status, body = house.call("/v1/webhook-endpoints", hook, Content_Type="application/json")
    assert status == 201, body
    house.stop()
    for number, point in enumerate(DEATHS):
        house.start(kill_at=point)
        if number < 2:
            wait_until(house.listens, "the gateway listens")
            with pytest.raises(Unanswered):
                order(house)
        house.bury(limit_s=120)
    house.start()
    wait_until(house.listens, "the gateway listens")
    status, placed = order(house)
    assert status == 202, placed
    place = f"/v1/validation-orders/{placed['id']}"

    def done() -> bool:
        return json.loads(house.call(place)[1])["state"] == "done"

    wait_until(done, "the order is done")
    wait_until(lambda: bool(heard), "the webhook is told")
    house.stop()
    with house.rows() as session:
        items = session.exec(select(OrderItem)).all()
        runs = session.exec(select(ValidationRun).order_by(col(ValidationRun.id))).all()
    assert Counter(run.file_name for run in runs) == {f"{n}.xml": 1 for n in range(FILES)}
    assert {item.run_id for item in items} == {run.id for run in runs}
    assert len(items) == FILES
    assert {run.verdict for run in runs} == {"valid"}
    assert {message["type"] for message in heard} == {"validation.completed"}
    # Delivered at least once, but always as one and the same message.
    assert len({message["id"] for message in heard}) == 1
    assert heard[0]["id"]
