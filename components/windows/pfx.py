"""The public certificate, read on this computer before any machine is touched.

That it ends soon, or has ended, is a warning here: it keeps nothing else from being repaired. Only its import is
refused (``components.windows.certificate``).
"""

from __future__ import annotations

import base64
import contextlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID

from components.connection_problems import entries
from remote.names import folded
from remote.secret import Secret
from remote.text import visible

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
EXPIRES_SOON = timedelta(days=30)
"""How long before its end a certificate is a warning."""


class CertificateError(Exception):
    """A certificate file that cannot be used; its text names the file, what was found and what to do."""

    __module__ = "builtins"


@dataclass(frozen=True)
class Intermediate:
    """A certificate of an authority between the certificate and its root."""

    thumbprint: str
    """SHA-1, upper-case hexadecimal digits."""
    content: str
    """DER, base64."""


@dataclass(frozen=True)
class Pfx:
    thumbprint: str
    """SHA-1, upper-case hexadecimal digits, as Windows shows it."""
    content: Secret
    """The file, base64."""
    password: Secret
    """What opens the file; checked when it is read."""
    dns_names: tuple[str, ...]
    """The DNS entries of subjectAltName, wildcards as they are; the common name does not count."""
    not_before: datetime
    """UTC, from the certificate."""
    not_after: datetime
    """UTC, from the certificate; valid up to and with it."""
    intermediates: tuple[Intermediate, ...] = ()
    """What a server has to send along, the issuer of the certificate first."""

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


def read(file: Path, password: Secret, dns_names: Sequence[str], roots: Sequence[x509.Certificate] = ()) -> Pfx:
    """Read a PFX file and check that Windows Server 2012 can import it and that it can serve these names.

    ``roots`` are the authorities that clients trust; none given: whether it leads to one is not checked. When it is
    valid is not checked (``Pfx.concern``). Raises ``CertificateError`` with everything that is wrong, one line each.
    """
    try:
        content = file.read_bytes()
    except (OSError, ValueError) as error:  # no path of any file has a NUL
        why = error.strerror if isinstance(error, OSError) else error
        raise CertificateError(
            f"{visible(str(file))}: read the certificate: {why}. Put the PFX file there, or correct `certificates`."
        ) from None
    try:
        key, certificate, others = pkcs12.load_key_and_certificates(content, password.reveal().encode())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise CertificateError(
            f"{file}: read the certificate: wrong password or no PFX file. Correct `certificates`."
        ) from None
    if key is None or certificate is None:
        raise CertificateError(
            f"{file}: it holds no certificate with a private key. Export it again with its private key."
        )
    path = _path(certificate, others)
    try:
        problems = [*_protection(content), *_wrong(certificate, dns_names)]
    except ValueError as error:  # an extension that is no DER, or no name
        problems = [f"the certificate cannot be read ({error}). Have it issued again."]
    problems += _issuer(path, roots)
    if problems:
        raise CertificateError("\n".join(f"{file}: {problem}" for problem in problems))
    return Pfx(
        _thumbprint(certificate),
        Secret(base64.b64encode(content).decode()),
        password,
        _names(certificate),
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
        tuple(
            Intermediate(_thumbprint(one), base64.b64encode(one.public_bytes(Encoding.DER)).decode())
            for one in path[1:]
            if one.subject != one.issuer
        ),
    )


_PBES2 = bytes.fromhex("06092a864886f70d01050d")
"""The object identifier of PKCS #5 version 2, with which AES protects a PFX file."""
_SHA1 = bytes.fromhex("06052b0e03021a")
_MAC_LENGTH = 160
"""The check sum of a PFX file is its last part, and no longer than this (RFC 7292, MacData)."""


def _protection(content: bytes) -> list[str]:
    """Windows Server 2012 imports PFX files that are protected with triple DES (or RC2) and SHA-1 only; to any other it
    says that the password is wrong."""
    if _PBES2 not in content and _SHA1 in content[-_MAC_LENGTH:]:
        return []
    how = "openssl pkcs12 -export -keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1"
    found = "it is protected with AES or SHA-256, which Windows Server 2012 cannot read"
    return [f"{found}. Export it again with TripleDES-SHA1 ({how})."]


def _wrong(certificate: x509.Certificate, dns_names: Sequence[str]) -> list[str]:
    problems = []
    names = _names(certificate)
    if not names:
        problems.append(
            "the certificate has no alternative name (subjectAltName), and no browser looks at the common name. "
            f"Have it issued with {', '.join(dns_names)} as alternative names."
        )
    elif missing := [name for name in dns_names if not any(covers(pattern, name) for pattern in names)]:
        problems.append(
            f"the certificate is for {', '.join(names)}, not for {', '.join(missing)}. "
            "Use one that is issued for the cluster's name."
        )
    if not _serves(certificate):
        problems.append(
            "the certificate is not for servers: its extended key usage lacks server authentication. "
            "Have it issued from a template for web servers."
        )
    return problems


def _serves(certificate: x509.Certificate) -> bool:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return bool({ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE} & set(usage))


def _path(certificate: x509.Certificate, others: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    """The certificate and its issuers as far as they are known, in whatever order the file has them."""
    path, left = [certificate], list(others)
    while path[-1].subject != path[-1].issuer:
        issuer = next((one for one in left if _issued(path[-1], one)), None)
        if issuer is None:
            break
        path.append(issuer)
        left.remove(issuer)
    return path


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _issuer(path: Sequence[x509.Certificate], roots: Sequence[x509.Certificate]) -> list[str]:
    last = path[-1]
    if not roots or any(last == root or _issued(last, root) for root in roots):
        return []
    if last.subject == last.issuer:
        found = "itself" if len(path) == 1 else last.subject.rfc4514_string()
        return [f"the certificate is issued by {found}, which is not in `authorities`. Add that authority there."]
    found = f"the certificate of the authority {last.issuer.rfc4514_string()} is neither in it nor in `authorities`"
    return [f"{found}. Export it again with all certificates of the path, or add the root to `authorities`."]


def _thumbprint(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303 - Windows' name for a certificate


def roots_of(authorities: str) -> list[x509.Certificate]:
    """The certificates of a PEM file; none for no file, and none for one that cannot be read: what connects says so.
    One that cannot be parsed is left out: an operating system has authorities from before today's rules."""
    try:
        text = Path(authorities).read_bytes() if authorities else b""
    except OSError:
        return []
    found = []
    for pem in _PEM.findall(text):
        with contextlib.suppress(ValueError):
            found.append(x509.load_pem_x509_certificate(pem))
    return found


def anchors(found: Pfx, roots: Sequence[x509.Certificate]) -> tuple[str, ...]:
    """The thumbprints of the root authorities at which the path of a certificate may end: in its file, or among
    ``roots``."""
    content = base64.b64decode(found.content.reveal())
    _, certificate, others = pkcs12.load_key_and_certificates(content, found.password.reveal().encode())
    if certificate is None:
        return ()
    last = _path(certificate, others)[-1]
    ends = [last] if last.subject == last.issuer else [root for root in roots if _issued(last, root)]
    return tuple(_thumbprint(one) for one in ends)


def leads_to(found: Pfx, roots: Sequence[x509.Certificate]) -> bool:
    """Whether the path of a certificate ends at one of these authorities. Pure."""
    return bool({_thumbprint(root) for root in roots} & set(anchors(found, roots)))


def read_all(given: Any, wanted: Mapping[str, Sequence[str]], authorities: str = "") -> dict[str, Pfx]:
    """Every certificate of a topology by its name. ``given`` is the stack's ``certificates``, ``wanted`` the DNS names
    of each, ``authorities`` the PEM file of those that this computer trusts. Raises ``CertificateError`` with all
    problems, one line each."""
    found: dict[str, Pfx] = {}
    roots = roots_of(authorities)
    looked_at = list(entries("certificates", given, list(wanted), "certificate", ("file", "password")))
    problems = [problem for problem in looked_at if isinstance(problem, str)]
    files = {one[0].removeprefix("certificates.").lower(): one[1] for one in looked_at if not isinstance(one, str)}
    for name, dns_names in wanted.items():
        entry = files.get(name.lower(), {})
        if any(problem.lower().startswith((f"certificates.{name.lower()}:", "certificates:")) for problem in problems):
            continue
        if wrong := [key for key in ("file", "password") if not isinstance(entry.get(key, ""), str)]:
            problems += [f"certificates.{name}.{key}: a text is expected." for key in wrong]
            continue
        if not entry.get("file"):
            problems.append(
                f"certificates.{name}: the stack's configuration names no file for it. Set `certificates.{name}.file`"
                f" and, as a secret, `certificates.{name}.password`."
            )
            continue
        if "password" not in entry:
            problems.append(
                f"certificates.{name}.password: it is missing. Set it: pulumi config set --secret --path "
                f"'certificates[\"{name}\"].password' (an empty one for a file without a password)"
            )
            continue
        try:
            found[name] = read(Path(entry["file"]), Secret(entry.get("password", "")), dns_names, roots=roots)
        except CertificateError as error:
            problems.append(str(error))
    if problems:
        raise CertificateError("\n".join(problems))
    return found


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    return tuple(extension.value.get_values_for_type(x509.DNSName))


def covers(pattern: str, name: str) -> bool:
    """Whether a name of a certificate stands for a DNS name; ``*.`` covers exactly one label."""
    pattern, name = folded(pattern), folded(name)
    if pattern.startswith("*."):
        return "." in name and name.split(".", 1)[1] == pattern[2:]
    return pattern == name
