"""Sender and receiver together: documents are handed in, processes die, the stage comes to rest."""

import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from functools import partial
from threading import Event

from crash_houses import House, Unanswered, wait_until
from crash_verdict import Tally, judge, open_lanes, unfinished

from gateway.demo.cast import BUYER, SELLER
from gateway.demo.invoices import render_invoice

CLIENT_LIMIT_S = 300
REST_LIMIT_S = 300
DEATH_LIMIT_S = 120
CLIENT_PAUSE_S = 0.1


class CrashStage:
    """Two gateways and their customer, who repeats every request until it is answered."""

    def __init__(self, kind: str, sender: House, receiver: House, *, repeats: bool = False) -> None:
        self.kind = kind
        self._repeats = repeats
        self.sender = sender
        self.receiver = receiver
        self.kills = 0
        self.tally = Tally(0)
        self._accepted: dict[str, str] = {}
        self._waiting: list[Future[None]] = []
        self._clients = ThreadPoolExecutor(4, thread_name_prefix="customer")
        self._number = 0
        self._closing = Event()

    @contextmanager
    def playing(self) -> Iterator[None]:
        """Both processes up; stopped in good order on leaving."""
        try:
            for house in (self.sender, self.receiver):
                house.start()
            for house in (self.sender, self.receiver):
                wait_until(house.listens, f"the {house.actor.key} listens")
            yield
        finally:
            self._closing.set()
            self._clients.shutdown(cancel_futures=True)
            for house in (self.sender, self.receiver):
                house.stop()
                house.engine.dispose()

    def hand_in(self, count: int = 1) -> Sequence[str]:
        """Have the customer send so many invoices, each under its own key; returns the numbers."""
        numbers = []
        for _ in range(count):
            self._number += 1
            numbers.append(f"CRASH-{self.kind}-{self._number:04}")
        self._waiting += [self._clients.submit(self._insist, number) for number in numbers]
        return numbers

    def _insist(self, number: str) -> None:
        """Send one invoice again and again until the gateway says that it has it."""
        content = render_invoice(
            number=number, seller=SELLER, buyer=BUYER, issued=date(2026, 11, 2)
        )
        deadline = time.monotonic() + CLIENT_LIMIT_S
        send = partial(self.sender.call, "/v1/documents", content, Idempotency_Key=f"key-{number}")
        while time.monotonic() < deadline and not self._closing.is_set():
            try:
                status, body = send()
            except Unanswered:
                time.sleep(CLIENT_PAUSE_S)
                continue
            if status == 202:
                self._accepted[number] = json.loads(body)["id"]
                return
            assert status >= 500, f"{number} was answered with {status}: {body!r}"
            time.sleep(CLIENT_PAUSE_S)
        raise AssertionError(f"{number} was not accepted within {CLIENT_LIMIT_S} seconds")

    def bury(self, victim: House) -> None:
        """Wait until a house has killed itself at its named point."""

        def died() -> bool:
            self._let_time_pass()
            return not victim.runs

        wait_until(died, f"the {victim.actor.key} dies at its point", limit_s=DEATH_LIMIT_S)
        victim.bury()
        self.kills += 1

    def _let_time_pass(self) -> None:
        """Neither a circuit breaker's minute nor a lease's is anything to wait for here."""
        for house in (self.sender, self.receiver):
            open_lanes(house)
            house.lapse_leases_of_the_dead()

    def come_to_rest(self) -> None:
        """Wait until every customer is served and nobody has anything left to do, then judge."""
        for one in self._waiting:
            one.result(CLIENT_LIMIT_S)
        self._waiting.clear()
        deadline = time.monotonic() + REST_LIMIT_S
        while (left := self._unfinished()) and time.monotonic() < deadline:
            self._let_time_pass()
            time.sleep(CLIENT_PAUSE_S)
        for house in (self.sender, self.receiver):
            wait_until(house.listens, f"the {house.actor.key} listens")
        self.tally = judge(self.sender, self.receiver, self._accepted, repeats=self._repeats)
        self.tally.wrong += [f"still to do: {one}" for one in left]
        assert self.tally.clean, self.tally

    def _unfinished(self) -> list[str]:
        return [*unfinished(self.sender), *unfinished(self.receiver)]

    def figures(self) -> dict[str, int]:
        """What was counted so far."""
        return {
            "documents": self.tally.documents,
            "kills": self.kills,
            "lost": len(self.tally.lost),
            "doubled": len(self.tally.doubled),
        }
