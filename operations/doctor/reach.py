"""Can this computer and the machines reach what they have to, and are they who they should be?"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

from cryptography import x509

from components.topology.parts import Machine
from operations.doctor.check import SHELL, Check, Judged, as_wrong, ok, warning, wrong
from operations.doctor.farm import Farm
from remote import handshakes
from remote.handshakes import Handshake
from remote.hosts import Host

PART = "reach"
SOON_DAYS = 30
KERBEROS_SECONDS, DRIFT_SECONDS = 300, 30
"""Kerberos refuses clocks that are five minutes apart; half a minute says that nobody keeps them together."""
TRY_MILLISECONDS = 5000
PORTAL_TO_SQL, PORTAL_TO_SPF = "the listener of SQL Server", "Service Provider Foundation"


def first(farm: Farm) -> Iterator[Check]:
    """What opens the shells, and TLS, which needs none."""
    hosts = farm.remote.hosts
    for machine in farm.machines:
        host = hosts[machine.name]
        needed = "an address"
        yield Check(
            PART, machine.name, "name, from this computer", needed, partial(_here, host.address), ok, failed=as_wrong
        )
        yield _tls(farm, host, "WinRM")
        if host.replica:
            yield _tls(farm, host, "SQL Server")
    for machine in farm.machines:
        host = hosts[machine.name]
        yield Check(
            PART,
            machine.name,
            SHELL,
            "an administrator with a full token",
            partial(farm.run, machine.name, "windows/read_utc.ps1"),
            partial(_logged_on, host.username),
            failed=as_wrong,
        )


def _tls(farm: Farm, host: Host, service: str) -> Check:
    try_it = handshakes.winrm if service == "WinRM" else handshakes.sql
    return Check(
        PART,
        host.name,
        f"TLS of {service}",
        f"TLS 1.2, a trusted certificate for {host.fqdn}",
        partial(try_it, host, farm.remote.hosts.authorities, attempted="try its TLS"),
        partial(_shown, host),
        failed=as_wrong,
    )


def _here(address: str) -> str:
    from remote.http import HttpError

    try:
        found = socket.getaddrinfo(address, None, socket.AF_INET)
    except OSError as error:
        raise HttpError(f"nothing resolves {address} ({error.strerror})") from None
    return f"{address} is {found[0][4][0]}" if found[0][4][0] != address else f"`hosts` says {address}"


def _shown(host: Host, shown: Handshake) -> Judged:
    until = x509.load_der_x509_certificate(shown.certificate).not_valid_after_utc
    build = f", build {'.'.join(str(part) for part in shown.build)}" if shown.build else ""
    found = f"{shown.protocol}{build}, certificate until {until:%Y-%m-%d}"
    if not host.verify:
        return warning(f"{found}; it is not checked", f"Remove `verify: false` of {host.name} in `hosts`.")
    if (until - datetime.now(UTC)).days < SOON_DAYS:
        return warning(found, f"Renew the certificate of {host.fqdn}.")
    return ok(found)


def _logged_on(username: str, _clock: list[str]) -> Judged:
    return ok(f"{username}, administrator")


def checks(farm: Farm) -> Iterator[Check]:
    for machine in farm.machines:
        yield Check(
            PART,
            machine.name,
            "clock",
            f"within {KERBEROS_SECONDS} s of this computer's",
            partial(_clock, farm, machine.name),
            _apart,
            through=machine.name,
        )
        yield Check(
            PART,
            machine.name,
            "clock of the domain",
            f"within {KERBEROS_SECONDS} s of the machine's",
            partial(_domain_clock, farm, machine.name),
            _apart,
            through=machine.name,
        )
    yield from _names(farm)
    yield from _ports(farm)


def _clock(farm: Farm, machine: str) -> float:
    """Seconds by which a machine's clock is ahead of this computer's; the way there and back counts half."""
    asked = datetime.now(UTC)
    (said,) = farm.run(machine, "windows/read_utc.ps1")
    middle = asked + (datetime.now(UTC) - asked) / 2
    return (datetime.fromisoformat(str(said)).replace(tzinfo=UTC) - middle).total_seconds()


def _domain_clock(farm: Farm, machine: str) -> float:
    """Seconds by which a domain controller's clock is ahead of the machine's."""
    (said,) = farm.run(machine, "windows/read_domain_clock.ps1")
    return (_moment(str(said["domain"])) - _moment(str(said["here"]))).total_seconds()


def _moment(text: str) -> datetime:
    """Of GeneralizedTime, as Active Directory writes it, of ISO 8601, or of .NET's invariant form."""
    for form in ("%Y%m%d%H%M%S.0Z", "%Y-%m-%dT%H:%M:%S", "%m/%d/%Y %H:%M:%S"):
        with contextlib.suppress(ValueError):
            return datetime.strptime(text, form)  # noqa: DTZ007 - all of them are UTC
    raise ValueError(f"{text!r} is no time")


def _apart(seconds: float) -> Judged:
    found = f"{abs(seconds):.0f} s {'ahead' if seconds > 0 else 'behind'}" if abs(seconds) >= 1 else "the same"
    to_do = "Set the clocks by the same source (w32tm /resync), this computer's included."
    if abs(seconds) >= KERBEROS_SECONDS:
        return wrong(found, to_do)
    return warning(found, to_do) if abs(seconds) >= DRIFT_SECONDS else ok(found)


def _names(farm: Farm) -> Iterator[Check]:
    """Every name that a machine itself looks up, at the machine."""
    topology = farm.topology
    shared = {tier.front.name: str(tier.front.address) for tier in topology.portal.tiers}
    shared |= {
        topology.listener_fqdn: str(topology.sql.listener.address),
        topology.spf.name: str(topology.spf.address),
    }
    for node in topology.portal_nodes:
        for name, address in shared.items():
            new = name == topology.listener_fqdn and not topology.sql.adopt
            yield _name(farm, node, name, address, new=new)
    replicas = [topology.machine(replica.machine) for replica in topology.replicas]
    for machine in replicas:
        for other in replicas:
            if other.name != machine.name:
                yield _name(farm, machine, other.fqdn, str(other.address), new=False)


def _name(farm: Farm, machine: Machine, name: str, address: str, *, new: bool) -> Check:
    def judge(answer: list[dict[str, object]]) -> Judged:
        (said,) = answer
        found = [one for one in said["addresses"] if _is_ipv4(one)]  # type: ignore[attr-defined]
        if found == [address]:
            return ok(address)
        if not found and new:
            return ok("no address yet: the cluster registers the name with the listener")
        was = ", ".join(found) or str(said["error"]) or "no IPv4 address"
        return wrong(was, f"Correct {name} in the DNS that {machine.name} uses: {address}.")

    look = partial(farm.run, machine.name, "windows/resolve_name.ps1", Name=name)
    return Check(PART, machine.name, f"{name}, from there", address, look, judge, through=machine.name)


def _is_ipv4(text: object) -> bool:
    try:
        return ipaddress.ip_address(str(text)).version == 4
    except ValueError:
        return False


def _ports(farm: Farm) -> Iterator[Check]:
    """Every port of another machine that a machine connects to and that listens before ``up``."""
    topology = farm.topology
    for node in topology.portal_nodes:
        if topology.sql.adopt:
            yield _port(farm, node.name, PORTAL_TO_SQL, topology.listener_fqdn, topology.sql.listener.port)
        for replica in topology.replicas:
            server = topology.machine(replica.machine)
            yield _port(farm, node.name, f"SQL Server on {server.name}", server.fqdn, replica.port)
        yield _port(farm, node.name, PORTAL_TO_SPF, topology.spf.name, topology.spf.port)


def _port(farm: Farm, machine: str, what: str, name: str, port: int) -> Check:
    def judge(answer: list[dict[str, object]]) -> Judged:
        (said,) = answer
        if said["answered"]:
            return ok("a connection")
        why = str(said["error"]) or f"no answer in {TRY_MILLISECONDS // 1000} s"
        return wrong(why, f"Open TCP {port} from {machine} to {name}, and see that it listens there.")

    arguments = {"Name": name, "Port": port, "TimeoutMilliseconds": TRY_MILLISECONDS}
    look = partial(farm.run, machine, "windows/try_port.ps1", **arguments)
    return Check(PART, machine, f"{what}, port {port}, from there", "a connection", look, judge, through=machine)
