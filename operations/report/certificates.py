"""The certificates that the farm's servers show to those who connect: WinRM, SQL Server, SPF and the portal's sites.

Every server is asked by itself, without a log-on. One that does not answer, or whose certificate is not trusted, is
named with what was found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from cryptography import x509

from operations.audits.balancing import shown_by, thumbprint_of
from operations.checks.machines import managed
from operations.configuration import Context
from operations.report.content import Certificate
from remote import handshakes
from remote.errors import MachineError
from remote.hosts import Hosts
from remote.http import HttpError
from remote.text import one_line

Place = tuple[str, Callable[[], x509.Certificate]]


def shown(context: Context) -> tuple[tuple[Certificate, ...], tuple[str, ...]]:
    """The certificates, the one that ends first before the others, and what could not be read. What a machine that is
    down shows is not asked."""
    places = list(_places(context))
    with ThreadPoolExecutor(max_workers=8) as pool:
        answers = list(pool.map(lambda place: _asked(place[1]), places))
    found: dict[str, x509.Certificate] = {}
    where: dict[str, list[str]] = {}
    missing = [f"{machine} does not answer" for machine in sorted(context.down)]
    for (place, _), answer in zip(places, answers, strict=True):
        if isinstance(answer, str):
            missing.append(f"{place}: {answer}")
        else:
            thumbprint = thumbprint_of(answer)
            found[thumbprint] = answer
            where.setdefault(thumbprint, []).append(place)
    certificates = (_certificate(thumbprint, one, where[thumbprint]) for thumbprint, one in found.items())
    return tuple(sorted(certificates, key=lambda one: (one.ends, one.places))), tuple(missing)


def _places(context: Context) -> Iterator[Place]:
    topology, hosts = context.topology, context.remote.hosts
    for tier in topology.portal.tiers:
        for node in tier.nodes:
            for of, site, port in topology.portal.published():
                if of is tier and node not in context.down:
                    yield f"{node}, {site.name}", partial(shown_by, context, tier, node, port)
    for server in topology.spf.servers:
        if server not in context.down:
            yield f"{server}, SPF", partial(_spf, context, server)
    for replica in topology.replicas:
        if replica.machine not in context.down:
            yield f"{replica.machine}, SQL Server", partial(_handshake, handshakes.sql, hosts, replica.machine)
    for machine in topology.machines:
        if machine.name in managed(topology) - context.down:
            yield f"{machine.name}, WinRM", partial(_handshake, handshakes.winrm, hosts, machine.name)


def _handshake(shake: Callable[..., handshakes.Handshake], hosts: Hosts, machine: str) -> x509.Certificate:
    return _der(shake(hosts[machine], hosts.authorities, attempted="read its certificate").certificate)


def _spf(context: Context, server: str) -> x509.Certificate:
    spf = context.topology.spf
    return _der(context.remote.https(server, spf.port, name=spf.name, verify=False).certificate)


def _der(content: bytes) -> x509.Certificate:
    return x509.load_der_x509_certificate(content)


def _asked(look: Callable[[], x509.Certificate]) -> x509.Certificate | str:
    try:
        return look()
    except MachineError as error:
        return error.found
    except (HttpError, ValueError) as error:  # a certificate that is none is a ValueError
        return one_line(str(error))


def _certificate(thumbprint: str, one: x509.Certificate, places: list[str]) -> Certificate:
    return Certificate(
        thumbprint, _names(one), one.not_valid_before_utc, one.not_valid_after_utc, tuple(dict.fromkeys(places))
    )


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = extension.get_values_for_type(x509.DNSName)
    except (x509.ExtensionNotFound, ValueError):
        names = []
    return tuple(one_line(name) for name in names) or (one_line(certificate.subject.rfc4514_string()),)
