"""Sends mail by SMTP, to one person at a time."""

import ipaddress
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid, parseaddr
from urllib.parse import unquote, urlsplit

import aiosmtplib

_SECONDS = 20


class Refused(Exception):
    """The server rejects the address permanently."""


class Mailer:
    """Sends through the server at a URL like `smtp://user:password@host:587`, from `sender`."""

    def __init__(self, url: str, sender: str) -> None:
        parts = urlsplit(url)
        self._is_tls = parts.scheme == "smtps"
        self._host, self._port = parts.hostname or "", parts.port or (465 if self._is_tls else 587)
        self._username, self._password = (unquote(each) if each else None for each in (parts.username, parts.password))
        self._sender = sender
        self._domain = parseaddr(sender)[1].rpartition("@")[2]

    async def send(self, to: str, subject: str, text: str, *, now: datetime) -> None:
        """Raises Refused if trying again is useless, and any other error if it is not."""
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self._sender, to, subject
        message["Date"], message["Message-ID"] = format_datetime(now), make_msgid(domain=self._domain)
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text)
        try:
            await aiosmtplib.send(
                message,
                hostname=self._host,
                port=self._port,
                username=self._username,
                password=self._password,
                use_tls=self._is_tls,
                start_tls=self._must_start_tls(),
                local_hostname=self._domain,  # not looked up, which would hold up the event loop
                timeout=_SECONDS,
            )
        except aiosmtplib.SMTPRecipientsRefused as refused:
            if all(500 <= each.code < 600 for each in refused.recipients):
                raise Refused from None
            raise

    def _must_start_tls(self) -> bool | None:
        """Return None to use TLS if the server offers it. A password is only sent to another machine over TLS."""
        if self._is_tls:
            return False
        return True if self._username is not None and not _is_this_machine(self._host) else None


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
