"""Guarantees that a web site answers HTTPS on one port with one certificate, and no longer on its old port.

The new binding is made, with its certificate, before the old one goes: there is no moment without one. Only the site's
bindings for every address and every name are this program's: bindings of one address, for one host name or with server
name indication (SNI) stay as they are. A port that another site holds for every name is refused with that site's name,
and so is one where a binding for a host name without SNI has another certificate: Windows keeps one certificate for
both. Where one certificate replaces another, Windows has none for a moment: a node of a load balancing cluster takes no
clients meanwhile. Delete puts back the bindings on the two ports as they were before.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Annotated, Any

from components.nlb import state
from components.nlb.state import NodeView
from components.nlb.without_clients import without_clients
from components.resource import FarmResource, Inputs, PlansByChange, ReplaceOn, WithBaseline
from components.steps import Script, Step, load_script
from remote.errors import MachineError
from remote.names import folded
from remote.session import Remote


class SiteBindingInputs(Inputs):
    machine: Annotated[str, ReplaceOn()]
    """The machine, by its name in the topology."""
    site: Annotated[str, ReplaceOn()]
    """The site's name in IIS."""
    port: int
    """The HTTPS port on which it has to answer, on every address."""
    old_port: int
    """The HTTPS port of its installation, on which it no longer answers."""
    thumbprint: str
    """SHA-1 of the certificate that it answers with, 40 hexadecimal digits."""
    former: tuple[int, ...] = ()
    """Where it no longer answers either: the ports that this program gave it before."""
    started: bool = True
    """Whether the site and its application pool run; what is stopped is started."""
    interface: str = ""
    """The network card that is bound to the cluster of the node's tier. Empty: there is none."""
    timeout_seconds: float = 120
    """How long the cluster may take to converge."""


CHANGE = "the change of its certificate"
_INFORMATION = re.compile(r"(\[[^\]]*\]|[^:]*):(\d+):(.*)")
"""``*:443:name``, ``[fe80::1]:443:``: address, port, host name."""
_EVERY_ADDRESS = ("*", "0.0.0.0")  # noqa: S104 - names, not sockets
"""How IIS writes "every address", and how Windows does where it keeps the certificate."""
_SNI = 1


@dataclass(frozen=True)
class Binding:
    """An HTTPS binding of a web site."""

    site: str
    """In the spelling of IIS."""
    information: str
    """``bindingInformation`` of Get-WebBinding: address, port and host name, ``*:443:``."""
    flags: int
    """``sslFlags`` of Get-WebBinding: 1 is server name indication, 2 the central certificate store, 3 both."""
    thumbprint: str
    """``certificateHash``, upper-case hexadecimal digits; empty where the binding has no certificate."""

    @property
    def address(self) -> str:
        return self._parts[0]

    @property
    def port(self) -> int:
        return int(self._parts[1])

    @property
    def host(self) -> str:
        return self._parts[2]

    @property
    def shared(self) -> bool:
        """Whether its certificate is that of the port on every address, and so of every other such binding."""
        return self.address in _EVERY_ADDRESS and not self.flags & _SNI

    @property
    def plain(self) -> bool:
        """Whether it is for every address and every name."""
        return self.shared and self.information == _plain(self.port)

    @property
    def _parts(self) -> tuple[str, str, str]:
        parts = _INFORMATION.fullmatch(self.information)
        if parts is None:
            raise ValueError(f"the binding {self.information} of {self.site}")
        return parts[1], parts[2], parts[3]


@dataclass(frozen=True)
class SiteBindingFacts:
    exists: bool
    """Whether IIS has a site of this name; without IIS there is none."""
    started: bool
    """``State`` of Get-Website is Started; False for a site that is not there."""
    ports: dict[int, str]
    """Ports of the site's bindings for every address and name → thumbprint of the certificate there (empty: none)."""
    others: dict[int, str]
    """Ports of such bindings of other sites → the site's name."""
    beside: tuple[Binding, ...] = ()
    """Other bindings that share their port's certificate with those: mostly ones for a host name."""
    usable: frozenset[str] | None = None
    """The certificates with a private key in the machine's store; None where that was not read."""
    node: NodeView | None = None
    """The node of the tier's cluster that the machine is; None where there is no cluster."""
    stopped_pool: str = ""
    """The name of its application pool where that is stopped: every request gets HTTP 503 then."""

    @property
    def runs(self) -> bool:
        return self.started and not self.stopped_pool

    def beside_on(self, port: int) -> list[Binding]:
        return [binding for binding in self.beside if binding.port == port]

    def certificate(self, port: int) -> str:
        """The thumbprint of the certificate that a port has on every address; empty where there is none."""
        return self.ports.get(port) or next((binding.thumbprint for binding in self.beside_on(port)), "")

    def has(self, thumbprint: str) -> bool:
        """Whether a binding can be given this certificate."""
        return self.usable is None or thumbprint in self.usable


@dataclass(frozen=True)
class Sites:
    """The web sites of a machine: name in lower case → whether it runs, and everything that they are bound to."""

    started: dict[str, bool]
    """``State`` of Get-Website is Started; empty where IIS is not installed."""
    bindings: tuple[Binding, ...]
    """The HTTPS ones, of all sites."""
    usable: frozenset[str]
    """Thumbprints, in upper case, of the certificates with a private key in LocalMachine\\My."""
    stopped_pools: dict[str, str] = field(default_factory=dict)
    """Of the sites whose application pool is stopped: name in lower case → the pool's name."""

    def facts(self, site: str, node: NodeView | None) -> SiteBindingFacts:
        """What there is of one of them."""
        name = folded(site)
        return SiteBindingFacts(
            exists=name in self.started,
            started=self.started.get(name, False),
            ports={one.port: one.thumbprint for one in self.bindings if one.plain and folded(one.site) == name},
            others={one.port: one.site for one in self.bindings if one.plain and folded(one.site) != name},
            beside=tuple(one for one in self.bindings if one.shared and not one.plain),
            usable=self.usable,
            node=node,
            stopped_pool=self.stopped_pools.get(name, ""),
        )


def read_sites(remote: Remote, machine: str, attempted: str) -> Sites:
    """Ask a machine for its web sites."""
    found = remote.powershell(machine).run(load_script("iis/read_bindings.ps1"), attempted=attempted)[0]
    return Sites(
        {folded(site["name"]): site["started"] for site in found["sites"]},
        tuple(Binding(b["site"], b["information"], b["flags"], b["thumbprint"].upper()) for b in found["bindings"]),
        frozenset(thumbprint.upper() for thumbprint in found["usable"]),
        {folded(site["name"]): site["pool"] for site in found["sites"] if not site["poolStarted"]},
    )


class SiteBindingResource(
    WithBaseline[SiteBindingInputs, SiteBindingFacts], PlansByChange[SiteBindingInputs, SiteBindingFacts]
):
    def display_name(self, inputs: SiteBindingInputs) -> str:
        return f"the binding of {inputs.site}"

    def resource_id(self, inputs: SiteBindingInputs) -> str:
        return f"{inputs.machine}/site-binding/{inputs.site}".lower()

    def inputs_of_update(self, olds: dict[str, Any], inputs: SiteBindingInputs) -> SiteBindingInputs:
        """What the state remembers of the time before names every port that the program has bound the site to."""
        bound = olds.get("ownership", {}).get("baseline", {}).get("bound", {})
        ours = tuple(int(port) for port, before in bound.items() if not before)
        kept = (inputs.port, inputs.old_port)
        return inputs.model_copy(update={"former": tuple(port for port in ours if port not in kept)})

    def observe(self, inputs: SiteBindingInputs, remote: Remote) -> SiteBindingFacts:
        attempted = f"read {self.display_name(inputs)}"
        node = state.observe(remote, inputs.machine, inputs.interface, attempted) if inputs.interface else None
        return read_sites(remote, inputs.machine, attempted).facts(inputs.site, node)

    def plan(self, inputs: SiteBindingInputs, facts: SiteBindingFacts) -> list[Step]:
        machine, site = inputs.machine, inputs.site
        attempted = f"bind {site} to port {inputs.port}"
        if not facts.exists:
            raise MachineError(
                machine,
                attempted,
                "there is no web site of this name",
                "See whether the portal's software is installed.",
            )
        if inputs.port in facts.others:
            raise MachineError(
                machine,
                attempted,
                f"the site {facts.others[inputs.port]} holds this port",
                "Move that site to another port, or choose another `portal.tenant_site_port`.",
            )
        steps = bind(machine, site, inputs.port, inputs.thumbprint, facts)
        if replaces(inputs.port, inputs.thumbprint, facts):
            steps = without_clients(machine, inputs.interface, inputs.timeout_seconds, facts, CHANGE, steps)
        if inputs.old_port in facts.ports and inputs.old_port != inputs.port:
            steps.append(unbind(machine, site, inputs.old_port, facts))
        steps += [unbind(machine, site, port, facts) for port in inputs.former if port in facts.ports]
        return [*steps, *start(machine, site, facts)]

    def plan_delete(self, inputs: SiteBindingInputs, facts: SiteBindingFacts, baseline: dict[str, Any]) -> list[Step]:
        machine, site = inputs.machine, inputs.site
        steps: list[Step] = []
        if not facts.exists:
            return steps
        kept = baseline.get("bound", baseline.get("bindings", {}))  # the latter from before it had a key for both ports
        bound = {int(port): thumbprint for port, thumbprint in kept.items() if thumbprint}
        for port, thumbprint in bound.items():
            steps += put_back(machine, site, port, thumbprint, facts)
        ours = dict.fromkeys((inputs.port, *(int(port) for port, before in kept.items() if not before)))
        steps += [unbind(machine, site, port, facts) for port in ours if port in facts.ports and port not in bound]
        return steps

    def preexisting(self, inputs: SiteBindingInputs, facts: SiteBindingFacts) -> bool:
        return facts.ports == {inputs.port: inputs.thumbprint}

    def baseline(self, inputs: SiteBindingInputs, facts: SiteBindingFacts) -> dict[str, Any]:
        ours = (inputs.old_port, inputs.port)
        return {"bound": {str(port): facts.ports.get(port, "") for port in ours}}

    def actual(self, inputs: SiteBindingInputs, facts: SiteBindingFacts) -> dict[str, Any] | None:
        if not facts.exists:
            return None
        live: dict[str, Any] = {"started": facts.runs}
        unmoved = inputs.old_port in facts.ports and inputs.old_port != inputs.port
        if inputs.port not in facts.ports or unmoved:
            live["port"] = next((port for port in facts.ports if port != inputs.port), 0)
        else:
            live["thumbprint"] = facts.ports[inputs.port]
        return live


PORT_TAKEN = (
    "Where Windows says 0x80070020, another program has one of the site's ports: find it (`netstat -aon`, then the "
    "process of that number) and end it; then run `pulumi up` again."
)


def start(machine: str, site: str, facts: SiteBindingFacts) -> list[Step]:
    """The steps after which a site runs, with its application pool."""
    steps = []
    if pool := facts.stopped_pool:
        action = Script(machine, "iis/start_pool.ps1", {"Name": pool})
        steps.append(Step(f"On {machine}, start the application pool {pool} of {site}.", action))
    if not facts.started:
        action = Script(machine, "iis/start_site.ps1", {"Site": site})
        steps.append(Step(f"On {machine}, start {site}.", action, PORT_TAKEN))
    return steps


def replaces(port: int, thumbprint: str, facts: SiteBindingFacts) -> bool:
    """Whether a port is to have another certificate than the one that it answers with."""
    return facts.ports.get(port, "") not in ("", thumbprint)


def bind(machine: str, site: str, port: int, thumbprint: str, facts: SiteBindingFacts) -> list[Step]:
    """The steps after which a site is bound to a port with a certificate. Raises ``MachineError`` where that would
    change the certificate of a binding that is not the program's."""
    steps = []
    given = facts.certificate(port)
    if given != thumbprint and (beside := facts.beside_on(port)):
        raise MachineError(
            machine,
            f"give port {port} of {site} the certificate {thumbprint}",
            f"{beside[0].site} is bound to {beside[0].information} without server name indication, with the "
            f"certificate {given or '(none)'}, and Windows keeps one certificate for both",
            "Let that binding require server name indication, or move it to another port.",
        )
    if port not in facts.ports:
        action = Script(machine, "iis/add_binding.ps1", {"Site": site, "Port": port})
        steps.append(Step(f"On {machine}, bind {site} to port {port}.", action))
    if given != thumbprint:
        arguments = {"Site": site, "Information": _plain(port), "Thumbprint": thumbprint}
        action = Script(machine, "iis/set_binding_certificate.ps1", arguments)
        steps.append(Step(f"On {machine}, give port {port} of {site} the certificate {thumbprint}.", action))
    return steps


def put_back(machine: str, site: str, port: int, thumbprint: str, facts: SiteBindingFacts) -> list[Step]:
    """The steps after which a site is bound as it was. A certificate that has left the machine since is not missed: the
    port is bound without any."""
    if facts.has(thumbprint):
        return bind(machine, site, port, thumbprint, facts)
    if port in facts.ports and not facts.ports[port]:
        return []
    off = [unbind(machine, site, port, facts)] if port in facts.ports else []
    action = Script(machine, "iis/add_binding.ps1", {"Site": site, "Port": port})
    what = f"On {machine}, bind {site} to port {port} without the certificate {thumbprint}, which is no longer there."
    return [*off, Step(what, action)]


def unbind(machine: str, site: str, port: int, facts: SiteBindingFacts) -> Step:
    """The step that takes a site off a port, with the certificate where no other binding uses that."""
    alone = not facts.beside_on(port) and port not in facts.others
    arguments = {"Site": site, "Information": _plain(port), "WithCertificate": alone}
    return Step(f"On {machine}, take {site} off port {port}.", Script(machine, "iis/remove_binding.ps1", arguments))


def _plain(port: int) -> str:
    """What IIS calls the binding for every address and every name."""
    return f"*:{port}:"


class SiteBinding(FarmResource[SiteBindingInputs], module="iis", name="SiteBinding"):
    """The HTTPS binding of a web site."""

    implementation = SiteBindingResource
