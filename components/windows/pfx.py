"""The public certificate, read on this computer before any machine is touched.

That it ends soon, or has ended, is a warning here: it keeps nothing else from being repaired. Only its import is
refused (``components.windows.certificate``).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import pkcs12

from remote.secret import Secret

EXPIRES_SOON = timedelta(days=30)
"""How long before its end a certificate is a warning."""


class CertificateError(Exception):
    """A certificate file that cannot be used; its text names the file, what was found and what to do."""

    __module__ = "builtins"


@dataclass(frozen=True)
class Pfx:
    thumbprint: str
    """SHA-1, upper-case hexadecimal digits, as Windows shows it."""
    content: Secret
    """The file, base64."""
    password: Secret
    dns_names: tuple[str, ...]
    not_before: datetime
    not_after: datetime

    def concern(self, now: datetime) -> str:
        """That it cannot be used now, or only for a short time; empty where neither is so."""
        return unusable(self.not_before, self.not_after, now) or ends_soon(self.not_after, now)


def unusable(not_before: datetime, not_after: datetime, now: datetime) -> str:
    """Why clients do not accept a certificate at a time; empty where they do."""
    if now < not_before:
        return f"it is not valid before {not_before:%Y-%m-%d %H:%M} UTC"
    return f"it expired on {not_after:%Y-%m-%d}" if not_after < now else ""


def ends_soon(not_after: datetime, now: datetime) -> str:
    """That a certificate that is valid ends soon; empty where it does not."""
    return f"it expires on {not_after:%Y-%m-%d}; renew it" if not_after < now + EXPIRES_SOON else ""


def read(file: Path, password: Secret, dns_names: Sequence[str]) -> Pfx:
    """Read a PFX file and check that it can serve these names. Raises ``CertificateError``."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise CertificateError(
            f"{file}: read the certificate: {error.strerror}. Put the PFX file there, or correct `certificates`."
        ) from None
    try:
        key, certificate, _ = pkcs12.load_key_and_certificates(content, password.reveal().encode())
    except ValueError:
        raise CertificateError(
            f"{file}: read the certificate: wrong password or no PFX file. Correct `certificates`."
        ) from None
    if key is None or certificate is None:
        raise CertificateError(
            f"{file}: it holds no certificate with a private key. Export it again with its private key."
        )
    names = _names(certificate)
    if missing := [name for name in dns_names if not any(covers(pattern, name) for pattern in names)]:
        raise CertificateError(
            f"{file}: the certificate is for {', '.join(names)}, not for {', '.join(missing)}. "
            "Use one that is issued for the cluster's name."
        )
    thumbprint = certificate.fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303 - Windows' name for a certificate
    since, until = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return Pfx(thumbprint, Secret(base64.b64encode(content).decode()), password, names, since, until)


def read_all(given: Mapping[str, Any], wanted: Mapping[str, Sequence[str]]) -> dict[str, Pfx]:
    """Every certificate of a topology by its name. ``given`` is the stack's ``certificates``, ``wanted`` the DNS names
    of each. Raises ``CertificateError`` with all problems, one line each."""
    found, problems = {}, []
    for name, dns_names in wanted.items():
        entry = given.get(name)
        if not isinstance(entry, Mapping) or not entry.get("file"):
            problems.append(
                f"certificates.{name}: the stack's configuration names no file for it. Set `certificates.{name}.file`"
                f" and, as a secret, `certificates.{name}.password`."
            )
            continue
        try:
            found[name] = read(Path(entry["file"]), Secret(str(entry.get("password") or "")), dns_names)
        except CertificateError as error:
            problems.append(str(error))
    if problems:
        raise CertificateError("\n".join(problems))
    return found


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        return tuple(extension.value.get_values_for_type(x509.DNSName))
    except x509.ExtensionNotFound:
        common = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        return tuple(str(name.value) for name in common)


def covers(pattern: str, name: str) -> bool:
    """Whether a name of a certificate stands for a DNS name; ``*.`` covers exactly one label."""
    pattern, name = pattern.lower(), name.lower()
    if pattern.startswith("*."):
        return "." in name and name.split(".", 1)[1] == pattern[2:]
    return pattern == name
