"""TLS: whom a connection trusts, and what it means when it does not.

OpenSSL's words are the same from Python's ``ssl``, from urllib3 and from Microsoft's ODBC driver, which tells nothing
else: no SQLSTATE and no number of its own.
"""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from pathlib import Path

from remote.errors import UntrustedError

NOT_TRUSTED, NO_CONNECTION = "the certificate of {0} is not trusted", "no TLS connection with {0}"


@dataclass(frozen=True)
class _Cause:
    """What is wrong, by any of OpenSSL's words for it."""

    words: tuple[str, ...]
    remedy: str
    found: str = NOT_TRUSTED


_CAUSES = (
    _Cause(
        (
            "unsupported protocol",
            "alert protocol version",
            "no protocols available",
            "legacy sigalg disallowed",
            "wrong ssl version",
            "handshake failure",
            "no shared cipher",
            "dh key too small",
        ),
        "Let {name} offer TLS 1.2 with its usual cipher suites, in Schannel's settings. SQL Server 2012 needs the "
        "update of KB3135244 for it.",
        NO_CONNECTION,
    ),
    _Cause(
        ("wrong version number", "http request", "record layer failure", "packet length too long"),
        "Something other than TLS answers there: correct the port, or make the listener an HTTPS one.",
        NO_CONNECTION,
    ),
    _Cause(("md too weak", "digest algorithm too weak"), "Give {name} a certificate that is signed with SHA-256."),
    _Cause(
        ("key too weak", "key too small"),
        "Give {name} a certificate with an RSA key of 2048 bits, of an authority that has one, too.",
    ),
    _Cause(("certificate has expired",), "Renew the certificate of {name}."),
    _Cause(
        ("certificate is not yet valid",),
        "Correct the clock of this computer, or give {name} a certificate that is valid now.",
    ),
    _Cause(
        ("hostname mismatch", "ip address mismatch", "doesn't match", "subject name does not match"),
        "Give the machine a certificate for {name}, or correct its entry in `hosts`.",
    ),
    _Cause(
        ("self-signed certificate in certificate chain", "unable to get", "unable to verify the first certificate"),
        "Put the authority that issued it into the file that `authorities` names.",
    ),
    _Cause(
        ("self-signed certificate", "self signed certificate"),
        "Give {name} a certificate of an authority, or put this one into the file that `authorities` names.",
    ),
)
_OTHER = _Cause((), "Look at the TLS settings and the certificate of {name}.", NO_CONNECTION)
_CUT = ("unexpected eof", "eof occurred in violation")
"""The other side hung up during the handshake. It may be restarting, so it is unreachable, not untrusted."""


_FILE, _FOLDER = "SSL_CERT_FILE", "SSL_CERT_DIR"
_NO_AUTHORITIES = os.path.dirname(__file__)
"""A folder without authorities: beside a file OpenSSL looks in the operating system's folder, unless it has another."""
_OF_THE_SHELL = {name: os.environ.get(name) for name in (_FILE, _FOLDER)}


def tell_driver(authorities: str) -> None:
    """Have Microsoft's driver trust a PEM file of authorities alone, or those of the operating system. It reads both
    variables when the process makes its first TLS connection through it, and knows no other way."""
    if authorities:
        os.environ[_FILE], os.environ[_FOLDER] = authorities, _NO_AUTHORITIES
    else:
        os.environ.pop(_FILE, None)
        os.environ.pop(_FOLDER, None)


def shell_environment() -> dict[str, str]:
    """The environment for another program: what is meant for the driver is not for the Pulumi CLI."""
    kept = {name: value for name, value in os.environ.items() if name not in _OF_THE_SHELL}
    return kept | {name: value for name, value in _OF_THE_SHELL.items() if value is not None}


def of_the_system() -> list[Path]:
    """The PEM files with the authorities that the operating system trusts, where OpenSSL was built to look for them;
    one authority may be in several."""
    paths = ssl.get_default_verify_paths()
    file, folder = Path(paths.openssl_cafile), Path(paths.openssl_capath)
    if file.is_file():
        return [file]
    return sorted(one for one in folder.iterdir() if one.is_file()) if folder.is_dir() else []


def context(authorities: str, *, verify: bool = True) -> ssl.SSLContext:
    """A client's context that trusts a PEM file of authorities, or those of the operating system; nothing less than
    TLS 1.2. Variables of the shell that are meant for other programs (``SSL_CERT_FILE``, ``SSL_CERT_DIR``,
    ``REQUESTS_CA_BUNDLE``) change nothing, and none has the keys of a connection, which carries passwords, written to a
    file (``SSLKEYLOGFILE``)."""
    if verify and authorities:
        made = ssl.create_default_context(cafile=authorities)
    elif verify:
        # Where OpenSSL was built to look for the system's. Its own default asks the variables first.
        paths = ssl.get_default_verify_paths()
        file = paths.openssl_cafile if os.path.isfile(paths.openssl_cafile) else None
        made = ssl.create_default_context(cafile=file, capath=paths.openssl_capath)
    else:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # reading authorities takes longer than most requests
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    made.keylog_filename = None  # type: ignore[assignment]  # None is documented
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    return made


def words(error: BaseException | None) -> str:
    """OpenSSL's words in an error or in what it was raised for; empty when it is not about TLS."""
    seen: set[int] = set()
    queue: list[object] = [error]
    while queue:
        one = queue.pop(0)
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, ssl.SSLCertVerificationError):
            return one.verify_message.rstrip(".")
        if isinstance(one, ssl.SSLError):
            text = (getattr(one, "reason", None) or str(one)).replace("_", " ").lower()
            return "" if any(cut in text for cut in _CUT) else text
        queue += [getattr(one, "reason", None), *one.args, one.__cause__, one.__context__]
    return ""


def words_of_driver(message: str) -> str:
    """The same in a message of the ODBC driver: ``SSL Provider: [error:0A000086:SSL routines::… failed:…]``."""
    _, provider, text = message.partition("SSL Provider: ")
    said = text.strip().strip("[]").rpartition(":")[2].strip()
    return said if provider and not any(cut in said.lower() for cut in _CUT) else ""


def explained(said: str, service: str, name: str) -> tuple[str, str]:
    """What was found and what to do, for OpenSSL's words about a service that has to prove to be ``name``."""
    lowered = said.lower()
    cause = next((one for one in _CAUSES if any(word in lowered for word in one.words)), _OTHER)
    return f"{cause.found.format(service)} ({said})", cause.remedy.format(name=name)


def untrusted(machine: str, attempted: str, said: str, service: str, name: str) -> UntrustedError:
    """The error for a service whose TLS failed, in OpenSSL's words (``said``); ``name`` as for ``explained``."""
    return UntrustedError(machine, attempted, *explained(said, service, name))
