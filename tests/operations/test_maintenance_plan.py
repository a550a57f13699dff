"""What ``maintenance`` does to a server: from facts to sentences, or to a refusal. No machine is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from components.nlb.node import NodeFacts
from components.nlb.state import NodeView
from components.sql.group import DatabaseReplica, Group, Replica, Server
from components.sql.whereabouts import Outside, Whereabouts
from components.topology import Topology, load
from operations.maintenance import parts, plan
from operations.maintenance.plan import Order
from remote.errors import MachineError
from tests.components.program import ROOT

DESIGNS = {file.stem: load(file) for file in sorted((ROOT / "topologies").glob("*.yaml"))}
SINGLE = DESIGNS["single-domain"]


def node(machine: str, other: str, *, others: str = "Converged", own: str = "Converged", starts: bool = True) -> Any:
    nodes = ((other.upper(), others), (machine.upper(), own))
    view = NodeView(machine, bound=True, name="c", nodes=nodes, starts=starts)
    return NodeFacts(view if machine == "Portal1" else replace(view, machine=other), view)


def group(
    primary: str = "SQL1", *, mode: str = "SYNCHRONOUS_COMMIT", name: str = "SQL", role: str = "SECONDARY"
) -> Any:
    roles = {machine: "PRIMARY" if machine == primary else role for machine in ("SQL1", "SQL2")}
    replicas = tuple(Replica(machine, machine, roles[machine], True, mode, "AUTOMATIC") for machine in roles)
    database = DatabaseReplica("Store", "", True, True, "SYNCHRONIZED", False)
    servers = {machine: Server(machine, True, True, roles[machine]) for machine in roles}
    return Whereabouts(
        Group(name, primary, replicas, tuple(replace(database, machine=machine) for machine in roles), servers)
    )


def observed(topology: Topology, machine: str, *facts: Any, groups: tuple[str, ...] = ("SQL",)) -> list[Any]:
    """The parts of a server, each with its facts in turn."""
    found: list[Any] = [*parts.nodes(topology, machine, 5)]
    if "sql" in parts.levels_of(topology, machine):
        found += parts.replicas(topology, machine, groups)
    return list(zip(found, facts, strict=True))


def sentences(order: Order, machine: str, *facts: Any, topology: Topology = SINGLE, **more: Any) -> list[str]:
    return plan.whole(topology, order, machine, observed(topology, machine, *facts, **more))


def refusal(order: Order, machine: str, *facts: Any, **more: Any) -> str:
    with pytest.raises(MachineError) as caught:
        sentences(order, machine, *facts, **more)
    return str(caught.value)


RESTART = Order("restart")


def out_and_back(machine: str, cluster: str) -> list[str]:
    """A node of a cluster, restarted. Clients come to it only after it was seen by itself."""
    keep = "keep load balancing stopped when the machine starts"
    again = "let load balancing start with the machine"
    return [
        f"See everything but {machine} as it should be.",
        f"On {machine}, {keep}.",
        f"Wait until {cluster} has converged after: {keep}.",
        f"Wait until {cluster} has converged before {machine} leaves.",
        f"On {machine}, let clients finish and take no more.",
        f"Wait until {machine} has no client and {cluster} has converged.",
        f"Restart {machine}.",
        f"See {machine} by itself as it should be.",
        f"On {machine}, start load balancing.",
        f"Wait until {machine} is converged in {cluster}.",
        f"On {machine}, {again}.",
        f"Wait until {cluster} has converged after: {again}.",
        f"See the whole farm with {machine} as it should be.",
    ]


@pytest.mark.parametrize("machine", ["Portal1", "Portal2"])
def test_a_portal_server(machine: str) -> None:
    facts = node(machine, "Portal1" if machine == "Portal2" else "Portal2")
    assert sentences(RESTART, machine, facts) == out_and_back(machine, "portal.hyper-v.nu")


def test_an_spf_server_is_a_node_like_any_other() -> None:
    assert sentences(RESTART, "SPF2", node("SPF2", "SPF1")) == out_and_back("SPF2", "spf.hyper-v.nu")


def test_one_that_did_not_start_with_its_machine_will_not() -> None:
    part, facts = observed(SINGLE, "SPF1", node("SPF1", "SPF2", starts=False))[0]
    assert not any("machine starts" in step.sentence for step in part.take_out(facts))
    back = replace(part, with_machine=False).bring_back(part.taken_out(facts))
    assert [step.sentence for step in back] == [
        "On SPF1, start load balancing.",
        "Wait until SPF1 is converged in spf.hyper-v.nu.",
    ]


SEE_ALL = {machine: f"See the whole farm with {machine} as it should be." for machine in ("SQL1", "SQL2")}
FOLLOW = "Wait until every replica of {} follows before {} is taken out."
FOLLOWS = "Wait until {} and every other replica of {} follow."


def moved(name: str, target: str) -> list[str]:
    return [
        f"Wait until {target} is ready to take over {name}.",
        f"On {target}, fail {name} over to it.",
        f"Wait until {target} is the primary of {name} and its partners follow.",
    ]


def test_a_secondary() -> None:
    assert sentences(RESTART, "SQL2", group()) == [
        "See everything but SQL2 as it should be.",
        FOLLOW.format("SQL", "SQL2"),
        "Restart SQL2.",
        FOLLOWS.format("SQL2", "SQL"),
        "See SQL2 by itself as it should be.",
        SEE_ALL["SQL2"],
    ]


@pytest.mark.parametrize("policy", ["build", "always", "never"])
def test_the_primary_hands_over_every_group_and_takes_back_what_the_policy_says(policy: Any) -> None:
    sql = SINGLE.sql.model_copy(update={"primary_policy": policy})
    topology = SINGLE.model_copy(update={"sql": sql})
    reported = sentences(RESTART, "SQL1", group(), group(name="Other"), topology=topology, groups=("Other", "SQL"))
    assert reported == [
        "See everything but SQL1 as it should be.",
        FOLLOW.format("SQL", "SQL1"),
        *moved("SQL", "SQL2"),
        FOLLOW.format("Other", "SQL1"),
        *moved("Other", "SQL2"),
        "Restart SQL1.",
        FOLLOWS.format("SQL1", "SQL"),
        *(moved("SQL", "SQL1") if policy == "always" else []),
        FOLLOWS.format("SQL1", "Other"),
        "See SQL1 by itself as it should be.",
        SEE_ALL["SQL1"],
    ]


def test_a_command_and_a_hold() -> None:
    reported = sentences(Order("command", command="patch --secret x {machine}"), "Portal2", node("Portal2", "Portal1"))
    assert "Run patch for Portal2 on this computer." in reported
    assert "secret" not in str(reported), "arguments may be secrets"
    assert reported[-1] == "See the whole farm with Portal2 as it should be."
    held = sentences(Order("hold"), "Portal2", node("Portal2", "Portal1"))
    assert held == out_and_back("Portal2", "portal.hyper-v.nu")[:6]


ATTEMPT = "Portal2: take Portal2 out of portal.hyper-v.nu:"


@pytest.mark.parametrize(
    ("machine", "facts", "expected"),
    [
        (
            "Portal2",
            [node("Portal2", "Portal1", others="Stopped")],
            f"{ATTEMPT} no other node is converged: PORTAL1 (S",
        ),
        (
            "Portal2",
            [node("Portal2", "Portal1", others="Unreachable")],
            f"{ATTEMPT} no other node is converged: PORTAL1",
        ),
        (
            "Portal2",
            [NodeFacts(NodeView("Portal1", bound=True), NodeView("Portal2", bound=False))],
            f"{ATTEMPT} its network card Ethernet is bound to no load balancing cluster. Take it out of what balances",
        ),
        ("SQL1", [group("")], "SQL1: take SQL1 out of SQL: the availability group SQL has no primary. Bring the group"),
        (
            "SQL1",
            [group(mode="ASYNCHRONOUS_COMMIT")],
            "SQL1: take SQL1 out of SQL: it is the primary, and no secondary can take over without loss while it",
        ),
        ("SQL1", [group(role="")], "SQL1: take SQL1 out of SQL: it is the primary, and no secondary can take over"),
        (
            "SQL2",
            [replace(group(), outside=(Outside("SQL1", "Microsoft.MgmtSvc.Store", 5),))],
            "SQL2: take SQL2 out of SQL: databases of the farm on SQL1 are not in SQL. Run `pulumi up` first.",
        ),
    ],
)
def test_what_is_not_safe_is_refused_in_one_line(machine: str, facts: list[Any], expected: str) -> None:
    said = refusal(RESTART, machine, *facts)
    assert said.startswith(expected)
    assert "\n" not in said


# Which servers, in which order ---------------------------------------------------------------------------------------


def order_of(design: str, primary: str, **scope: Any) -> list[str]:
    return plan.machines(DESIGNS[design], Order("restart", **scope), primary)


def test_secondaries_come_before_the_primary_wherever_it_is() -> None:
    assert order_of("single-domain", "SQL1", level="all") == ["SQL2", "SQL1", "SPF1", "SPF2", "Portal1", "Portal2"]
    assert order_of("single-domain", "SQL2", level="sql") == ["SQL1", "SQL2"]
    assert order_of("separate-domain", "SQL1", level="spf") == ["SPF1", "SPF2"]
    assert order_of("your-own", "DATA-1", level="sql") == ["DATA-2", "DATA-3", "DATA-4", "DATA-1"]
    everything = order_of("distributed", "SQL1", level="all")
    assert everything[:4] == ["SQL2", "SQL1", "SPF1", "SPF2"]
    assert sorted(everything[4:]) == sorted(DESIGNS["distributed"].portal.nodes)


def test_a_server_is_named_in_any_case() -> None:
    assert order_of("single-domain", "", machine="portal1") == ["Portal1"]


@pytest.mark.parametrize("name", ["FILE", "Nobody"])
def test_a_machine_that_no_other_stands_in_for(name: str) -> None:
    with pytest.raises(MachineError, match=f"{name}: take it out of the farm: no server of topology single-domain"):
        order_of("single-domain", "", machine=name)


def test_a_server_without_a_partner_is_refused() -> None:
    tier = SINGLE.portal.tiers[0].model_copy(update={"nodes": ("Portal1",)})
    portal = SINGLE.portal.model_copy(update={"tiers": (tier,)})
    alone = SINGLE.model_copy(update={"portal": portal})
    plan.refuse_alone(SINGLE, "Portal1")
    with pytest.raises(MachineError, match="it is the only server of tier portal"):
        plan.refuse_alone(alone, "Portal1")


@pytest.mark.parametrize("design", DESIGNS)
def test_every_server_of_every_design_can_be_taken_out_or_says_what_balances_it(design: str) -> None:
    topology = DESIGNS[design]
    for machine in plan.machines(topology, Order("restart", level="all"), ""):
        plan.refuse_alone(topology, machine)
        others = design == "external-load-balancer" and machine in topology.portal.nodes
        if others or (design == "your-own" and machine.startswith("ORCH")):
            with pytest.raises(MachineError, match="is balanced by something that this program does not reach"):
                parts.nodes(topology, machine, 5)
        else:
            nodes = parts.nodes(topology, machine, 5)
            assert len(nodes) == ("sql" not in parts.levels_of(topology, machine))
            assert all(one.inputs.drain_minutes == 5 for one in nodes)


def test_the_order_in_words_tells_a_later_run_that_it_is_the_same() -> None:
    assert str(Order("restart", level="all")) == "--all --restart"
    assert str(Order("hold", machine="Portal1", taken_out=True)) == "Portal1 --hold --taken-out"
    assert str(Order("command", level="sql", command="x y")) == "--level sql --command x (887fcea6)"
