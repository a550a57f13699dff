"""Is there what the portal is made from, does SPF answer, and what exists already that `up` would refuse?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from components.nlb.cluster import ClusterInputs, ClusterResource
from components.portal.portal_node import software_parts, software_source_inputs
from components.portal.software import SoftwareInputs, SoftwareResource
from components.portal.software_source import SoftwareSourceFacts, SoftwareSourceResource
from components.resource import Adoptable, Inputs
from components.resource.machine_claims import MachineClaims
from components.steps import load_script
from components.topology.parts import Certificate
from components.topology.place import to_set
from components.topology.portal import Tier
from components.topology.problem import Location
from components.windows import pfx
from components.windows.certificate import CertificateInputs, CertificateResource
from components.windows.local_account import LocalAccountInputs, LocalAccountResource
from components.windows.pfx import ends_soon, unusable
from operations.doctor.check import Check, Judged, as_wrong, ok, unknown, warning, wrong
from operations.doctor.farm import Farm
from remote import tls
from remote.http import Answer

PART = "portal"
HERE = "this computer"


def checks(farm: Farm) -> Iterator[Check]:
    portal = farm.topology.portal
    for certificate in farm.topology.certificates:
        look = partial(_file, farm, certificate)
        yield Check(PART, HERE, f"certificate {certificate.name}", ", ".join(certificate.dns_names), look, _readable)
        shown = partial(_to_clients, farm, certificate)
        needed = "a root authority that their operating system trusts"
        yield Check(PART, HERE, f"certificate {certificate.name}, to clients", needed, shown, _trusted_by_clients)
    for tier in portal.tiers:
        for node in tier.nodes:
            yield Check(
                PART,
                node,
                "source of the software",
                "whole, readable by the account that installs",
                partial(_source, farm, tier, node),
                _whole,
                through=node,
            )
            what = f"root authority of the certificate {tier.certificate}"
            trust = partial(_roots, farm, tier, node)
            yield Check(PART, node, what, "among those that the machine trusts", trust, _trusted, through=node)
    for server in farm.topology.spf_servers:
        site = partial(_spf_site, farm, server.name)
        needed = f"a site with a trusted certificate for {farm.topology.spf.name}"
        yield Check(PART, server.name, "Service Provider Foundation", needed, site, _answers, failed=as_wrong)
        groups = partial(_groups, farm, server.name)
        needed = ", ".join(farm.topology.spf.groups)
        yield Check(PART, server.name, "groups of SPF", needed, groups, _all_there, through=server.name)
    yield from _adoptions(farm)


def _file(farm: Farm, certificate: Certificate) -> pfx.Pfx | str:
    """The certificate, or why it cannot be used."""
    if not farm.context.certificates:
        return ""
    try:
        return pfx.read_all(farm.context.certificates, {certificate.name: certificate.dns_names})[certificate.name]
    except pfx.CertificateError as error:
        return str(error)


def _roots(farm: Farm, tier: Tier, node: str) -> tuple[tuple[str, ...] | None, set[str]]:
    """Where the path of the tier's certificate may end (None: its file cannot be read), and what the node trusts."""
    found = _file(farm, farm.topology.certificate(tier))
    known = pfx.roots_of(farm.remote.hosts.authorities)
    ends = pfx.anchors(found, known) if isinstance(found, pfx.Pfx) else None
    return ends, {str(one).upper() for one in farm.run(node, "windows/read_roots.ps1")}


def _trusted(answer: tuple[tuple[str, ...] | None, set[str]]) -> Judged:
    ends, trusted = answer
    if ends is None:
        return unknown("the certificate cannot be read here", "See its own row.")
    if not ends:
        to_do = "Add the root authority to the PEM file that `authorities` names, or to the PFX file."
        return unknown("neither its file nor `authorities` has its root authority", to_do)
    if trusted & set(ends):
        return ok("trusted")
    to_do = "Import it into LocalMachine\\Root there; that of a public authority Windows fetches from the internet."
    return warning(f"{ends[0]} is not in LocalMachine\\Root", to_do)


@dataclass(frozen=True)
class _ToClients:
    """Where the path of a certificate ends, as a client sees it that has this operating system's authorities."""

    readable: bool
    system: bool
    """One of the operating system's authorities issued it."""
    authorities: bool
    """One of `authorities` did."""


def _to_clients(farm: Farm, certificate: Certificate) -> _ToClients:
    found = _file(farm, certificate)
    if not isinstance(found, pfx.Pfx):
        return _ToClients(False, False, False)
    roots = [root for file in tls.of_the_system() for root in pfx.roots_of(str(file))]
    return _ToClients(
        True, pfx.leads_to(found, roots), pfx.leads_to(found, pfx.roots_of(farm.remote.hosts.authorities))
    )


def _trusted_by_clients(seen: _ToClients) -> Judged:
    if not seen.readable:
        return unknown("the certificate cannot be read here", "See its own row.")
    if seen.system:
        return ok("the operating system of this computer trusts it")
    to_do = (
        "Use a certificate of a public authority, or see that the root is among the trusted ones of every client, as "
        "Active Directory does it for members of a domain."
    )
    if seen.authorities:
        return warning("only `authorities` has its root: a client that was not told of it refuses the sites", to_do)
    return warning("neither this operating system nor `authorities` has its root", to_do)


def _readable(found: pfx.Pfx | str) -> Judged:
    if isinstance(found, str):
        if not found:
            return unknown("this stack's configuration has no `certificates`", "Set `certificates`.")
        return wrong(found, "Correct it before `up`.")
    now = datetime.now(UTC)
    if why := unusable(found.not_before, found.not_after, now):
        return wrong(why, "`up` does not import it: put another PFX file there.")
    if soon := ends_soon(found.not_after, now):
        return warning(soon, "Put the renewed PFX file there in time.")
    return ok(f"{', '.join(found.dns_names)}, until {found.not_after:%Y-%m-%d}")


def _source(farm: Farm, tier: Tier, node: str) -> SoftwareSourceFacts:
    """Looked at as ``up`` does it: by a scheduled task that is removed at once, because a share cannot be read from a
    remote log-on."""
    return SoftwareSourceResource().observe(software_source_inputs(node, farm.topology, tier), farm.remote)


def _whole(facts: SoftwareSourceFacts) -> Judged:
    if facts.missing:
        return wrong(f"missing are {'; '.join(facts.missing)}", "Put it there, or correct `portal.software`.")
    return ok("whole, or installed already")


def _spf_site(farm: Farm, server: str) -> Answer:
    spf = farm.topology.spf
    return farm.remote.https(server, spf.port, name=spf.name)


def _answers(answer: Answer) -> Judged:
    """Without an account SPF asks for one; anything but an error of the server will do."""
    found = f"HTTP {answer.status}, certificate verified"
    return wrong(found, "Look into the event log of the server.") if answer.status >= 500 else ok(found)


def _groups(farm: Farm, server: str) -> list[str]:
    """The groups that are missing."""
    (state,) = farm.run(server, "windows/read_account.ps1", Name=farm.topology.spf.account)
    have = {str(group).lower() for group in state["groups"]}
    return [group for group in farm.topology.spf.groups if group.lower() not in have]


def _all_there(missing: list[str]) -> Judged:
    if missing:
        return wrong(f"{', '.join(missing)} missing", "Install Service Provider Foundation, or correct `spf.groups`.")
    return ok("there")


# What exists already --------------------------------------------------------------------------------------------------


def _adoptions(farm: Farm) -> Iterator[Check]:
    """Every object that the resources themselves would find and refuse, by their own observation and rules."""
    topology = farm.topology
    for tier in topology.portal.tiers:
        if tier.cluster is not None:
            first = topology.machine(tier.nodes[0])
            cluster = ClusterInputs(
                tier=tier.key,
                machine=first.name,
                interface=first.interface or "",
                cluster=tier.cluster.name,
                address=str(tier.cluster.address),
                mask=topology.domain_of(first.name).mask,
                mode=tier.cluster.mode,
                adopt=tier.cluster.adopt,
            )
            yield _adoption(farm, first.name, ClusterResource(), cluster)
        for node in tier.nodes:
            software = SoftwareInputs(machine=node, **software_parts(topology, tier), adopt=tier.adopt)
            yield _adoption(farm, node, SoftwareResource(), software)
            yield from _certificate(farm, tier, node)
    for server in topology.spf_servers:
        account = LocalAccountInputs(
            machine=server.name,
            account=topology.spf.account,
            password=farm.context.spf_password,
            groups=topology.spf.groups,
            adopt=topology.spf.adopt,
        )
        yield _adoption(farm, server.name, LocalAccountResource(), account)
    group = topology.sql.group
    for replica in topology.replicas:
        look = partial(_group, farm, replica.machine)
        yield Check(
            PART,
            replica.machine,
            f"availability group {group}",
            "not there, or adopted",
            look,
            partial(_judged, farm, ("sql",), topology.sql.adopt),
            through=replica.machine,
        )


def _certificate(farm: Farm, tier: Tier, node: str) -> Iterator[Check]:
    certificate = farm.topology.certificate(tier)
    found = _file(farm, certificate)
    if isinstance(found, pfx.Pfx):
        inputs = CertificateInputs(
            machine=node,
            name=certificate.name,
            thumbprint=found.thumbprint,
            pfx=found.content,
            password=found.password,
            adopt=certificate.adopt,
        )
        yield _adoption(farm, node, CertificateResource(), inputs)


def _adoption(farm: Farm, machine: str, resource: Adoptable[Any, Any], inputs: Inputs) -> Check:
    place = resource.adoption(inputs, farm.topology)
    return Check(
        PART,
        machine,
        f"existing: {resource.display_name(inputs)}",
        "not there, or adopted",
        partial(_exists, farm, resource, inputs),
        partial(_judged, farm, place, inputs.adopt),
        through=machine,
    )


def _exists(farm: Farm, resource: Adoptable[Any, Any], inputs: Inputs) -> str:
    """``absent``, ``ours`` or ``found``."""
    facts = resource.observe(inputs, farm.remote)
    if not resource.preexisting(inputs, facts):
        return "absent"
    claim = MachineClaims(farm.remote).read(resource.owner_machine(inputs), resource.resource_id(inputs))
    return "ours" if claim is not None else "found"


def _group(farm: Farm, machine: str) -> str:
    (row,) = farm.query(machine, "sql/read_role.sql", farm.topology.sql.group)
    if not row["groups_found"]:
        return "absent"
    claims = farm.remote.powershell(machine).run(
        load_script("windows/read_claim.ps1"),
        {"Key": f"availability-group/{farm.topology.sql.group}".lower()},
        attempted="read the claim on the group",
    )
    return "ours" if claims else "found"


def _judged(farm: Farm, place: Location, adopt: bool, state: str) -> Judged:
    if state == "absent":
        return ok("not there yet")
    if state == "ours":
        return ok("there, made or adopted by a stack of this program")
    if adopt:
        return ok("there, to be taken over")
    return wrong(
        "it exists already", f"{to_set(_topology(farm), place, 'adopt', 'true')} to take it over, or remove it."
    )


def _topology(farm: Farm) -> Path:
    return farm.context.file
