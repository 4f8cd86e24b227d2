"""Where bounces come from: a folder (Maildir or plain) and a mailbox by IMAP.

Both hand out whole messages and are told when one was taken, so that a crash in between shows the
message once more; taking it again changes nothing. Blocking: called in a thread.
"""

import contextlib
import imaplib
import ssl
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from gateway.core.errors import ErrorKind, GatewayError, Retry
from gateway.core.settings import DispatchSettings
from gateway.dispatch.bounce_message import MAX_BOUNCE_BYTES

__all__ = ["BOUNCE_MAILBOX", "FolderReader", "ImapReader"]

BOUNCE_MAILBOX: Final = ErrorKind(
    "BOUNCE-MAILBOX", "The mailbox of bounces cannot be read", 503, Retry.BACKOFF
)

_ROUND: Final = 200
_TIMEOUT_S: Final = 30

Take = Callable[[bytes], None]
"""Takes one whole message; what it raises leaves the message where it is."""


class FolderReader:
    """A Maildir (``new`` and ``cur``), or a folder of ``.eml`` files. Taken ones go to ``done``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def place(self) -> str:
        """The folder's path."""
        return str(self._folder)

    def read(self, take: Take) -> int:
        """Hand out what is there, the oldest first; returns how many. Raises BOUNCE-MAILBOX."""
        done = self._folder / "done"
        count = 0
        for file in self._files():
            with self._reached(), file.open("rb") as opened:
                content = opened.read(MAX_BOUNCE_BYTES)
            take(content)
            with self._reached():
                done.mkdir(exist_ok=True)
                file.replace(done / file.name)
            count += 1
        return count

    @contextlib.contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise GatewayError(
                BOUNCE_MAILBOX,
                f"{self._folder} cannot be read or changed ({type(error).__name__}). Let the "
                "gateway read and write there; it is tried again.",
            ) from None

    def _files(self) -> list[Path]:
        with self._reached():
            return self._listed()

    def _listed(self) -> list[Path]:
        new = self._folder / "new"
        if new.is_dir():
            places = [one for each in (new, self._folder / "cur") if each.is_dir()
                      for one in each.iterdir()]  # fmt: skip
        elif self._folder.is_dir():
            places = list(self._folder.glob("*.eml"))
        else:
            raise GatewayError(
                BOUNCE_MAILBOX,
                f"There is no folder {self._folder}. Create it, or correct dispatch.bounce_folder.",
            )
        files = [one for one in places if one.is_file() and not one.name.startswith(".")]
        return sorted(files, key=lambda one: (one.stat().st_mtime_ns, one.name))[:_ROUND]


class ImapReader:
    """The unread messages of a mailbox (RFC 3501); those taken are marked as read.

    ``tls`` replaces the system's trust anchors. The password gets into no error.
    """

    def __init__(self, settings: DispatchSettings, *, tls: ssl.SSLContext | None = None) -> None:
        self._settings = settings
        self._tls = tls

    @property
    def place(self) -> str:
        """The mailbox and its server."""
        return f"{self._settings.bounce_mailbox} @ {self._settings.bounce_host}"

    def read(self, take: Take) -> int:
        """Hand out what is unread; returns how many. Raises GatewayError BOUNCE-MAILBOX."""
        settings = self._settings
        try:
            with self._connected() as server:
                server.login(settings.bounce_username, settings.bounce_password.get_secret_value())
                _ok(server.select(_quoted(settings.bounce_mailbox)))
                return _take_unread(server, take)
        except ssl.SSLError as error:
            raise self._away(f"TLS failed ({type(error).__name__})") from None
        except imaplib.IMAP4.error:
            # What the server says may repeat what was sent to it.
            raise self._away("the server refuses the login or the mailbox") from None
        except OSError as error:
            raise self._away(type(error).__name__) from None

    @contextlib.contextmanager
    def _connected(self) -> Iterator[imaplib.IMAP4]:
        settings = self._settings
        tls = self._tls or ssl.create_default_context()
        host, port = settings.bounce_host, settings.bounce_port
        server: imaplib.IMAP4
        if settings.bounce_security == "tls":
            server = imaplib.IMAP4_SSL(host, port, ssl_context=tls, timeout=_TIMEOUT_S)
        else:
            server = imaplib.IMAP4(host, port, timeout=_TIMEOUT_S)
        try:
            if settings.bounce_security == "starttls":
                server.starttls(tls)
            yield server
        finally:
            with contextlib.suppress(imaplib.IMAP4.error, OSError):
                server.logout()

    def _away(self, why: str) -> GatewayError:
        return GatewayError(
            BOUNCE_MAILBOX,
            f"{self._settings.bounce_host} cannot be read: {why}. Check the dispatch.bounce_* "
            "settings; it is tried again.",
        )


def _take_unread(server: imaplib.IMAP4, take: Take) -> int:
    found = _ok(server.uid("SEARCH", "UNSEEN"))
    numbers = found[0].split()[:_ROUND] if found and isinstance(found[0], bytes) else []
    for number in numbers:
        uid = number.decode("ascii")
        answer = _ok(server.uid("FETCH", uid, f"(BODY.PEEK[]<0.{MAX_BOUNCE_BYTES}>)"))
        content = next((one[1] for one in answer if isinstance(one, tuple)), None)
        if isinstance(content, bytes):
            take(content)
        _ok(server.uid("STORE", uid, "+FLAGS.SILENT", r"(\Seen)"))
    return len(numbers)


def _ok(answer: tuple[str, Sequence[object]]) -> Sequence[object]:
    status, data = answer
    if status != "OK":
        raise imaplib.IMAP4.error("not OK")
    return data


def _quoted(mailbox: str) -> str:
    escaped = mailbox.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
