"""Outgoing e-mail: one message to one recipient, in two steps that fail differently.

First the server agrees to sender and recipient; until then nothing was sent and another attempt
does no harm. Then the text is handed over, and a connection that breaks meanwhile leaves unknown
whether the message goes out. Knows no business: what is sent, and whether it still should be, is
the caller's.
"""

import ssl
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Final, Protocol

import aiosmtplib

from gateway.core.errors import ErrorKind, GatewayError, Retry
from gateway.core.settings import MailSettings

__all__ = [
    "MAIL_DEFERRED",
    "MAIL_LOGIN",
    "MAIL_REFUSED",
    "MAIL_SERVER_AWAY",
    "MAIL_SERVER_TLS",
    "MAIL_UNKNOWN",
    "Envelope",
    "Mailer",
    "SmtpMailer",
]

MAIL_SERVER_AWAY: Final = ErrorKind(
    "MAIL-SERVER-AWAY", "The mail server cannot be reached", 503, Retry.BACKOFF
)
MAIL_SERVER_TLS: Final = ErrorKind(
    "MAIL-SERVER-TLS", "The connection to the mail server cannot be secured", 502, Retry.BACKOFF
)
MAIL_LOGIN: Final = ErrorKind(
    "MAIL-LOGIN", "The mail server refuses the login or the sender", 502, Retry.BACKOFF
)
MAIL_DEFERRED: Final = ErrorKind(
    "MAIL-DEFERRED", "The mail server cannot take the message now", 503, Retry.BACKOFF
)
MAIL_REFUSED: Final = ErrorKind("MAIL-REFUSED", "The mail server refuses the message", 502)
MAIL_UNKNOWN: Final = ErrorKind("MAIL-UNKNOWN", "It is unknown whether the message was taken", 502)

_PERMANENT: Final = 500
_TEMPORARY: Final = 400
_LONGEST_ANSWER: Final = 200


class Envelope(Protocol):
    """A conversation in which the server agreed to sender and recipient, and has no text yet."""

    async def hand_over(self, content: bytes) -> None:
        """Give the message (RFC 5322, CRLF) to the server; returns once it took it.

        Raises GatewayError MAIL-DEFERRED or MAIL-REFUSED when the server says that it did not,
        MAIL-UNKNOWN when it says nothing.
        """
        ...


class Mailer(Protocol):
    """The way out for e-mail."""

    def open(self, *, sender: str, recipient: str) -> AbstractAsyncContextManager[Envelope]:
        """Come to the point where only the text is missing.

        Raises GatewayError MAIL-SERVER-AWAY, MAIL-SERVER-TLS, MAIL-LOGIN, MAIL-DEFERRED or
        MAIL-REFUSED, the last for a recipient the server does not accept.
        """
        ...


class SmtpMailer:
    """A mailer over SMTP (RFC 5321), with a connection of its own for every message.

    ``tls`` replaces the system's trust anchors. Passwords and message texts never get into errors
    or logs.
    """

    def __init__(self, settings: MailSettings, *, tls: ssl.SSLContext | None = None) -> None:
        self._settings = settings
        self._tls = tls

    @asynccontextmanager
    async def open(self, *, sender: str, recipient: str) -> AsyncIterator[Envelope]:
        """Connect, secure the connection, sign in, name sender and recipient."""
        client = self._client()
        try:
            await self._prepare(client, sender, recipient)
            yield _SmtpEnvelope(client)
        finally:
            # Whatever was to be learnt is learnt: a server that is slow to part changes nothing.
            with suppress(aiosmtplib.SMTPException, OSError):
                if client.is_connected:
                    await client.quit(timeout=1)
            client.close()

    def _client(self) -> aiosmtplib.SMTP:
        settings = self._settings
        return aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.port,
            timeout=settings.timeout_s,
            use_tls=settings.security == "tls",
            start_tls=settings.security == "starttls",
            tls_context=self._tls,
        )

    async def _prepare(self, client: aiosmtplib.SMTP, sender: str, recipient: str) -> None:
        host = self._settings.host
        try:
            await client.connect()
        except (aiosmtplib.SMTPException, OSError) as error:
            raise _unconnected(error, host) from None
        try:
            if self._settings.username:
                await client.login(
                    self._settings.username, self._settings.password.get_secret_value()
                )
            await client.mail(sender)
            await client.rcpt(recipient)
        except aiosmtplib.SMTPRecipientRefused as error:
            raise _answered(error, host) from None
        except aiosmtplib.SMTPResponseException as error:
            if error.code < _PERMANENT:
                raise _answered(error, host) from None
            # The answer to a login may repeat what was sent, so it is not passed on.
            raise GatewayError(
                MAIL_LOGIN,
                f"{host} refuses the login or the sender {sender} (code {error.code}). Check "
                "mail.username, mail.password and mail.sender.",
            ) from None
        except (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPTimeoutError, OSError) as error:
            raise _unconnected(error, host) from None
        except aiosmtplib.SMTPException:
            raise GatewayError(
                MAIL_LOGIN,
                f"{host} offers no way to sign in that can be used. Check mail.security: many "
                "servers take a login over TLS only.",
            ) from None


class _SmtpEnvelope:
    """The conversation of an SMTP client after RCPT."""

    def __init__(self, client: aiosmtplib.SMTP) -> None:
        self._client = client

    async def hand_over(self, content: bytes) -> None:
        host = str(self._client.hostname)
        try:
            await self._client.data(content)
        except aiosmtplib.SMTPDataError as error:
            if error.code < _TEMPORARY:
                raise _unknown(host) from None
            raise _answered(error, host) from None
        except (aiosmtplib.SMTPException, OSError):
            raise _unknown(host) from None


def _unconnected(error: Exception, host: str) -> GatewayError:
    if isinstance(error, ssl.SSLError) or _is_about_tls(error):
        return GatewayError(
            MAIL_SERVER_TLS,
            f"{host} does not offer TLS as mail.security asks for it, or its certificate is not "
            "trusted. Nothing was sent; correct the server or the setting.",
        )
    return GatewayError(
        MAIL_SERVER_AWAY,
        f"{host} cannot be reached or ended the conversation ({type(error).__name__}). Nothing "
        "was sent; it is tried again.",
    )


def _is_about_tls(error: Exception) -> bool:
    """Whether it was TLS that failed: the client tells it by bare exceptions of its base class."""
    if isinstance(error.__cause__, ssl.SSLError):
        return True
    known = (aiosmtplib.SMTPResponseException, ConnectionError, TimeoutError, OSError)
    return isinstance(error, aiosmtplib.SMTPException) and not isinstance(error, known)


def _answered(error: aiosmtplib.SMTPResponseException, host: str) -> GatewayError:
    said = " ".join(str(error.message).split())[:_LONGEST_ANSWER]
    if error.code < _PERMANENT:
        return GatewayError(
            MAIL_DEFERRED, f"{host} says later: {error.code} {said}", answer=error.code
        )
    return GatewayError(
        MAIL_REFUSED,
        f"{host} refuses the message: {error.code} {said}. Correct the address at the customer, "
        "or reach the customer another way.",
        answer=error.code,
    )


def _unknown(host: str) -> GatewayError:
    return GatewayError(
        MAIL_UNKNOWN,
        f"The connection to {host} broke while it had the message. It may have gone out: look "
        "there, and send it again only if it did not.",
    )
