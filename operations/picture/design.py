"""A design's picture, drawn from its topology: domains, tiers, SQL Server, SPF, and who calls whom.

Domains lie one below the other, those with portal servers first. Below the tiers are three columns, SQL Server, other
servers and SPF, in every domain at the same place: so every call is a straight arrow.

The same code draws the pictures of docs/designs and, with the state of each machine in its box, the one of the report.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from components.topology.model import Topology
from components.topology.parts import Machine
from components.topology.portal import Tier
from operations.picture.svg import PRINTED, Colors, Svg

_WIDTH, _EDGE, _GAP = 1040, 20, 20
_INNER = _WIDTH - 4 * _EDGE
_NODE, _NODE_HEIGHT, _NODE_STEP = 122, 40, 130
_COLUMNS = {"sql": (2 * _EDGE, 470), "other": (2 * _EDGE + 490, 166), "spf": (2 * _EDGE + 676, _INNER - 676)}
_ARROW = 44
_STEP, _REPLICA_STEP = 8, 22
_HEAD = 66
_MARK_HEIGHT = 18


@dataclass(frozen=True)
class Mark:
    """The state of a machine, as its box shows it."""

    color: str
    """A key of ``Colors``: that of the frame and of ``said``."""
    said: str
    """The last line in the machine's box; one or two words."""


def render(
    topology: Topology,
    marks: Mapping[str, Mark] | None = None,
    *,
    title: str = "",
    colors: Colors = PRINTED,
    kind: str = "",
) -> str:
    """The picture as SVG; with ``marks``, the state of each machine by its name."""
    return _Picture(topology, marks or {}, Svg(colors)).draw(title or f"The design {topology.name}", kind)


class _Picture:
    def __init__(self, topology: Topology, marks: Mapping[str, Mark], svg: Svg) -> None:
        self.topology, self.marks, self.svg = topology, marks, svg
        self.node_height = _NODE_HEIGHT + (_MARK_HEIGHT if marks else 0)
        self.callers: list[tuple[int, list[Tier]]] = []
        """Where the tiers of a domain end, and which these are."""
        self.called: dict[str, int] = {}
        """Where the boxes of SQL Server and SPF begin."""

    def draw(self, title: str, kind: str) -> str:
        topology = self.topology
        self.svg.text(_EDGE, 32, topology.name, size=20, bold=True)
        y = 96
        front = topology.portal.tier_of("tenant-site")
        self.svg.text(2 * _EDGE + 40, 62, f"tenants: https://{front.front.name}", size=13)
        tenants = y
        for domain in sorted(topology.domains, key=lambda one: not self._tiers(one.name)):
            y = self._domain(domain.name, domain.subnet, y) + _GAP
        self.svg.arrow(2 * _EDGE + 24, 48, tenants + 36, "")
        self.svg.text(2 * _EDGE + 40, 82, f"HTTPS {topology.portal.tenant_site_port}", size=12, soft=True)
        for end, tiers in self.callers:
            self._call("sql", end, f"{'every tier: ' if len(tiers) > 1 else ''}SQL {topology.sql.listener.port}")
            if asking := [tier for tier in tiers if {*tier.roles} & {"admin-api", "tenant-api"}]:
                who = f"{', '.join(tier.name for tier in asking)}: " if len(tiers) > 1 else ""
                self._call("spf", end, f"{who}HTTPS {topology.spf.port}")
        for flow in topology.flows:
            self.svg.text(_EDGE, y + 6, f"open from {flow.source} to {flow.target}: TCP {flow.port}", size=12)
            y += 22
        return self.svg.document(_WIDTH, y + 4, title, kind=kind)

    def _call(self, kind: str, start: int, said: str) -> None:
        self.svg.arrow(_COLUMNS[kind][0] + 24, start, self.called[kind], said)

    def _tiers(self, domain: str) -> list[Tier]:
        """The tiers of a domain, the tenants' site first: it is what people come for."""
        tiers = [tier for tier in self.topology.portal.tiers if self.topology.machine(tier.nodes[0]).domain == domain]
        return sorted(tiers, key=lambda tier: "tenant-site" not in tier.roles)

    def _domain(self, domain: str, subnet: str, top: int) -> int:
        """Draws a domain and gives where it ends. Its frame comes first, so its height is computed before."""
        tiers = self._tiers(domain)
        rows = [tiers[at : at + 3] for at in range(0, len(tiers), 3)]
        width = self._tier_width(rows[0]) if rows else 0  # of every row: the last one may have fewer tiers
        heights = [max(self._tier_height(tier, width) for tier in row) for row in rows]
        below = self._below(domain)
        tallest = max((self._column_height(len(machines), kind) for kind, machines in below.items()), default=0)
        height = 36 + sum(height + _GAP for height in heights) + (_ARROW - _GAP if tiers and below else 0)
        height += tallest + _GAP if below else 0
        self.svg.box(_EDGE, top, _WIDTH - 2 * _EDGE, height, "domain", dashed=True)
        self.svg.text(2 * _EDGE + 60, top + 24, f"domain {domain}, {subnet}", bold=True, soft=True)
        y = top + 36
        for row, tall in zip(rows, heights, strict=True):
            for index, tier in enumerate(row):
                self._tier(tier, 2 * _EDGE + index * (width + _GAP), y, width, tall)
            y += tall + _GAP
        if tiers:
            self.callers.append((y - _GAP, tiers))
            y += _ARROW - _GAP if below else 0
        for kind, machines in below.items():
            self._column(kind, machines, y)
        return top + height

    def _below(self, domain: str) -> dict[str, list[Machine]]:
        """The machines of a domain below its tiers, by column."""
        topology = self.topology
        replicas = [replica.machine.lower() for replica in topology.sql.replicas]
        servers = [name.lower() for name in topology.spf.servers]
        nodes = [name.lower() for name in topology.portal.nodes]
        found: dict[str, list[Machine]] = {"sql": [], "other": [], "spf": []}
        for machine in topology.machines:
            name = machine.name.lower()
            if machine.domain == domain and name not in nodes:
                found["sql" if name in replicas else "spf" if name in servers else "other"].append(machine)
        return {kind: machines for kind, machines in found.items() if machines}

    # Tiers -----------------------------------------------------------------------------------------------------

    @staticmethod
    def _tier_width(row: Sequence[Tier]) -> int:
        return (_INNER - (len(row) - 1) * _GAP) // len(row)

    def _tier_height(self, tier: Tier, width: int) -> int:
        rows = -(-len(tier.nodes) // self._per_row(width))
        return 60 + 17 * len(self._roles(tier, width)) + rows * (self.node_height + _STEP) + 4

    @staticmethod
    def _per_row(width: int) -> int:
        return max(1, (width - 20) // _NODE_STEP)

    @staticmethod
    def _roles(tier: Tier, width: int) -> list[str]:
        return textwrap.wrap(", ".join(role.name for role in tier.ordered_roles), width // 7)

    def _tier(self, tier: Tier, x: int, y: int, width: int, height: int) -> None:
        how = f"NLB cluster, {tier.cluster.mode}" if tier.cluster else "load balancer of your own"
        self.svg.box(x, y, width, height, "portal")
        self.svg.text(x + 12, y + 22, tier.front.name, bold=True)
        self.svg.text(x + 12, y + 40, f"{tier.front.address} · {how}", size=12, soft=True)
        at = y + 60
        for line in self._roles(tier, width):
            self.svg.text(x + 12, at, line, size=12)
            at += 17
        self._machines(
            [self.topology.machine(name) for name in tier.nodes], x + 12, at - 6, self._per_row(width), _STEP
        )

    # Servers below ---------------------------------------------------------------------------------------------

    def _column_height(self, machines: int, kind: str) -> int:
        per_row = self._per_row(_COLUMNS[kind][1])
        step = self.node_height + (_REPLICA_STEP if kind == "sql" else _STEP)
        return (34 if kind == "other" else _HEAD) + -(-machines // per_row) * step

    def _column(self, kind: str, machines: list[Machine], y: int) -> None:
        topology, (x, width) = self.topology, _COLUMNS[kind]
        height = self._column_height(len(machines), kind)
        self.svg.box(x, y, width, height, kind)
        at = y + 66
        if kind == "sql":
            self.called["sql"] = y
            listener = topology.sql.listener
            self.svg.text(x + 12, y + 22, f"listener {topology.listener_fqdn}", bold=True)
            said = f"{listener.address}:{listener.port} · availability group {topology.sql.group}"
            self.svg.text(x + 12, y + 40, said, size=12, soft=True)
        elif kind == "spf":
            self.called["spf"] = y
            self.svg.text(x + 12, y + 22, topology.spf.name, bold=True)
            said = f"{topology.spf.address}:{topology.spf.port} · SPF"
            self.svg.text(x + 12, y + 40, said, size=12, soft=True)
        else:
            self.svg.text(x + 12, y + 20, "other servers", size=12, soft=True)
            at = y + 36
        self._machines(machines, x + 12, at - 8, self._per_row(width), _REPLICA_STEP if kind == "sql" else _STEP)

    def _machines(self, machines: Sequence[Machine], x: int, y: int, per_row: int, step: int) -> None:
        replicas = {replica.machine.lower(): replica for replica in self.topology.sql.replicas}
        for index, machine in enumerate(machines):
            left, top = x + index % per_row * _NODE_STEP, y + index // per_row * (self.node_height + step)
            replica = replicas.get(machine.name.lower())
            aside = replica is not None and replica.commit == "asynchronous"
            mark = self.marks.get(machine.name)
            edge = mark.color if mark else "line"
            self.svg.box(left, top, _NODE, self.node_height, "machine", dashed=aside, edge=edge)
            self.svg.text(left + 8, top + 17, machine.name, size=13 if len(machine.name) < 13 else 11, bold=True)
            port = f":{replica.port}" if replica is not None and replica.port != 1433 else ""
            self.svg.text(left + 8, top + 33, f"{machine.address}{port}", size=11 if port else 12, soft=True)
            if mark:
                self.svg.text(left + 8, top + _NODE_HEIGHT + 10, mark.said, size=11, bold=True, color=mark.color)
            if replica is not None:
                first = machine.name.lower() == self.topology.sql.preferred_primary.lower()
                said = "primary" if first else replica.commit
                self.svg.text(left + 4, top + self.node_height + 14, said, size=11, soft=True)
