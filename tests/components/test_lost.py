"""A machine that the topology calls lost: no list has it, nothing contacts it, and the farm goes on without it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from pulumi.runtime import rpc

from components import settings
from components.failover_proof import FailoverProofFacts, FailoverProofResource
from components.nlb.node import NodeFacts, NodeResource
from components.nlb.state import NodeView
from components.resource import Kind
from components.resource.machine_claims import machines
from components.resource.ownership import Claim
from components.server_tls_check import ServerTlsCheckInputs, ServerTlsCheckResource
from components.sql.availability_group import (
    AvailabilityGroupFacts,
    AvailabilityGroupInputs,
    AvailabilityGroupResource,
    ReplicaInputs,
)
from components.sql.group import Group, Replica, Server
from components.steps import Sql
from components.topology import Topology, load
from remote.errors import LostMachineError
from remote.names import folded
from remote.session import Remote
from tests.components.contract import Case, Claims, World, refusal, sentences
from tests.components.group_worlds import url
from tests.components.program import ROOT, run
from tests.components.test_adoption import KINDS
from tests.components.test_growing import THROUGH_THE_FIRST, Inputs, of, touched
from tests.components.worlds import CASES

SHIPPED = ROOT / "topologies" / "single-domain.yaml"
LOST = "the topology says that this machine is lost"
Losing = Callable[..., Path]


@pytest.fixture
def losing(tmp_path: Path) -> Losing:
    """The shipped design with these machines lost, and a third replica where the test asks for one."""

    def lose(*lost: str, replicas: tuple[Any, ...] = ("SQL1", "SQL2")) -> Path:
        declared = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
        declared["machines"].append({"name": "SQL3", "domain": "hyper-v.nu", "address": "172.21.5.123"})
        declared["sql"]["replicas"] = list(replicas)
        for machine in declared["machines"]:
            if machine["name"] in lost:
                machine["lost"] = True
        file = tmp_path / f"without-{'-'.join(lost) or 'none'}.yaml"
        file.write_text(yaml.safe_dump(declared), encoding="utf-8")
        return file

    return lose


# The topology ---------------------------------------------------------------------------------------------------------


def test_no_list_has_it(losing: Losing) -> None:
    topology = load(losing("Portal1", "SPF2", "SQL2"))
    assert topology.portal.nodes == ("Portal2",)
    assert topology.spf.servers == ("SPF1",)
    assert [replica.machine for replica in topology.replicas] == ["SQL1"]
    assert topology.partner is None
    assert topology.lost == ("Portal1", "SPF2", "SQL2")
    assert topology.lost_replicas == ("SQL2",)
    assert machines(topology) == ["Portal2", "SPF1", "SQL1"]


def test_another_primary_is_preferred(losing: Losing) -> None:
    manual = {"machine": "SQL2", "failover": "manual"}
    topology = load(losing("SQL1", replicas=("SQL1", manual, "SQL3")))
    assert topology.sql.preferred_primary == "SQL3"
    assert [replica.machine for replica in topology.replicas] == ["SQL3", "SQL2"]
    assert topology.partner is not None
    assert topology.partner.machine == "SQL2"


# The connections ------------------------------------------------------------------------------------------------------


def remote_of(topology: Topology) -> Remote:
    credentials = {"hyper-v.nu": {"username": r"HYPERVNU\installer", "password": "Installer-Pass-7!"}}
    return Remote(settings.hosts({"credentials": credentials, "sqlAdministratorPassword": "Sql-Pass-7!"}, topology))


@pytest.mark.parametrize(
    "reach",
    [
        lambda remote: remote.powershell("sql2"),
        lambda remote: remote.sql("SQL2"),
        lambda remote: remote.sql_odbc("SQL2"),
        lambda remote: remote.sql_integrated("SQL2"),
        lambda remote: remote.https("SQL2", 443),
        lambda remote: remote.hosts["SQL2"],
    ],
    ids=["powershell", "sql", "odbc", "integrated", "https", "hosts"],
)
def test_it_is_never_reached(reach: Callable[[Remote], Any], losing: Losing, monkeypatch: pytest.MonkeyPatch) -> None:
    def connected(*_: Any, **__: Any) -> None:
        raise AssertionError("a network call")

    monkeypatch.setattr("socket.socket", connected)
    monkeypatch.setattr("socket.getaddrinfo", connected)
    with pytest.raises(LostMachineError, match=LOST):
        reach(remote_of(load(losing("SQL2"))))


def test_its_tls_is_not_tried(losing: Losing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("remote.handshakes.winrm", lambda host, *_, **__: None)
    monkeypatch.setattr("remote.handshakes.sql", lambda host, *_, **__: None)
    inputs = ServerTlsCheckInputs(machines=("SQL1", "SQL2"), sql_servers=("SQL1", "SQL2"))
    assert ServerTlsCheckResource().observe(inputs, remote_of(load(losing("SQL2")))).wrong == ()


# The resources --------------------------------------------------------------------------------------------------------


class Away(Claims):
    """The claims of all machines but the lost ones, which nothing may contact."""

    def __init__(self, kept: Claims, *lost: str) -> None:
        super().__init__(kept)
        self._lost = lost

    def _contact(self, machine: str) -> None:
        if machine in self._lost:
            raise LostMachineError(machine, "find out how to reach it", LOST)

    def read(self, machine: str, resource_id: str) -> Claim | None:
        self._contact(machine)
        return super().read(machine, resource_id)

    def write(self, machine: str, resource_id: str, claim: Claim) -> None:
        self._contact(machine)
        super().write(machine, resource_id, claim)

    def remove(self, machine: str, resource_id: str) -> None:
        self._contact(machine)
        super().remove(machine, resource_id)


def owner_of(case: Case) -> str:
    owner: str = case.resource().owner_machine(case.parsed())
    return owner


def is_of_one_machine(case: Case) -> bool:
    return bool(case.resource().resource_id(case.parsed()).startswith(f"{folded(owner_of(case))}/"))


OF_ONE = [case for case in CASES if is_of_one_machine(case)]
OF_THE_FARM = [
    case for case in CASES if case not in OF_ONE and {"machine"} == {"machine", "machines"} & case.inputs.keys()
]


def made_and_lost(case: Case, losing: Losing) -> tuple[World, dict[str, Any]]:
    """What was created before its machine was lost; observing it raises."""
    world = World(case, case.absent)
    outs = world.provider().create(case.inputs).outs or {}
    world.topology = losing(owner_of(case))
    world.claims = Away(world.claims, owner_of(case))
    world.unreadable = LostMachineError(owner_of(case), "find out how to reach it", LOST)
    world.break_at(None)
    return world, outs


@pytest.mark.parametrize("case", [*OF_ONE, *OF_THE_FARM], ids=lambda case: case.name)
def test_read_gives_the_state_as_it_is(case: Case, losing: Losing) -> None:
    world, outs = made_and_lost(case, losing)
    found = world.provider().read("id", outs)
    assert (found.id, found.outs) == ("id", outs)
    assert found.inputs is not None
    assert found.inputs == {name: outs[name] for name in found.inputs}
    assert {name for name in case.inputs if name in outs} <= found.inputs.keys()


@pytest.mark.parametrize("case", OF_ONE, ids=lambda case: case.name)
def test_delete_leaves_what_is_there(case: Case, losing: Losing) -> None:
    world, outs = made_and_lost(case, losing)
    kept = dict(world.claims)
    world.provider().delete("id", outs)
    thing = case.resource().display_name(case.parsed())
    probe = case.resource.KIND is Kind.PROBE
    left = [] if probe else [f"{owner_of(case)} is lost: {thing} leaves the state, and stays there as it is."]
    assert (world.said, world.changes, dict(world.claims)) == (left, [], kept)


@pytest.mark.parametrize(
    "case", [case for case in OF_THE_FARM if case.resource.KIND is not Kind.PROBE], ids=lambda case: case.name
)
def test_what_belongs_to_the_whole_farm_does_not_go_with_it(case: Case, losing: Losing) -> None:
    world, outs = made_and_lost(case, losing)
    said = refusal(lambda: world.provider().delete("id", outs))
    assert said.endswith("Run `pulumi up` first: it goes through another machine then.")


def test_another_machine_keeps_the_claim_from_now_on(losing: Losing) -> None:
    case = next(case for case in CASES if case.name == "Registration")
    world, outs = made_and_lost(case, losing)
    world.unreadable = None
    (key,) = [resource for _, resource in world.claims]
    token = world.claims[("Portal1", key)].token
    updated = world.provider().update("id", outs, {**outs, "machine": "Portal2"}).outs or {}
    assert updated["ownership"] == {**outs["ownership"], "owner_machine": "Portal2"}
    assert world.claims[("Portal2", key)].token == token
    world.provider().delete("id", updated)
    assert ("Portal2", key) not in world.claims
    assert world.said == []


def test_what_a_remaining_replica_can_undo_is_undone(losing: Losing) -> None:
    """Where the partner is lost, too, the proof leaves the program: its claim was on the lost machine."""
    case = next(case for case in CASES if case.name == "FailoverProof")
    world, outs = made_and_lost(case, losing)
    world.unreadable = None
    world.provider().delete("id", outs)
    assert [step.action.machine for step in world.changes] == ["SQL2"]
    assert world.said == []


def test_what_another_resource_claims_there_by_now_is_left(losing: Losing) -> None:
    case = next(case for case in CASES if case.name == "FailoverProof")
    world, outs = made_and_lost(case, losing)
    world.unreadable = None
    world.claims.write("SQL2", "failover-proof/sql", Claim(False, token="of another", since="now"))
    world.provider().delete("id", outs)
    assert world.changes == []
    assert world.said[0].startswith("SQL2: the failover proof of SQL stays: it belongs to")


def test_a_node_leaves_a_cluster_whose_first_node_is_lost(monkeypatch: pytest.MonkeyPatch, losing: Losing) -> None:
    own = NodeView("Portal2", bound=True)

    def observe(remote: Remote, machine: str, *_: str) -> NodeView:
        assert remote.hosts[machine].name == own.machine
        return own

    monkeypatch.setattr("components.nlb.state.observe", observe)
    case = next(case for case in CASES if case.name == "Node")
    inputs = case.parsed().model_copy(update={"machine": "Portal2", "first": "Portal1"})
    assert NodeResource().observe(inputs, remote_of(load(losing("Portal1")))) == NodeFacts(own, own)


# The group ------------------------------------------------------------------------------------------------------------


def replica(machine: str, server: str = "", **changes: Any) -> Replica:
    usual = Replica(machine, server or machine, "", True, "SYNCHRONOUS_COMMIT", "AUTOMATIC", url=url(machine))
    return replace(usual, **changes)


def survivor(*replicas: Replica, added: tuple[str, ...] = (), keeper: str = "") -> AvailabilityGroupFacts:
    """A group whose primary is SQL2; SQL1 is lost."""
    servers = {machine: Server(machine, True, True, role) for machine, role in (("SQL2", "PRIMARY"), ("SQL3", ""))}
    return AvailabilityGroupFacts(Group("SQL", "SQL2", replicas, (), servers), frozenset(added), keeper)


def group_inputs(*machines: str, lost: tuple[str, ...] = ()) -> AvailabilityGroupInputs:
    replicas = tuple(ReplicaInputs(machine=machine, url=url(machine)) for machine in machines)
    return AvailabilityGroupInputs(group="SQL", replicas=replicas, lost=lost)


GROUP = AvailabilityGroupResource()


def test_the_primary_removes_a_lost_replica_that_another_program_added() -> None:
    found = survivor(replica("SQL1", r"SQL1\WAP", connected=False), replica("SQL2"))
    (step,) = GROUP.plan(group_inputs("SQL2", lost=("Sql1",)), found)
    assert step.sentence == "On SQL2, remove the replica SQL1 from SQL."
    assert step.action == Sql("SQL2", "sql/remove_replica.sql", ("SQL", r"SQL1\WAP"))
    assert GROUP.plan(group_inputs("SQL2"), found) == []


def test_which_replicas_were_added_is_not_lost_with_the_machine_that_kept_it() -> None:
    inputs = group_inputs("SQL2", "SQL3", lost=("SQL1",))
    olds = {"replicas": [{"machine": "SQL1"}, {"machine": "SQL2"}], "added_replicas": ["SQL1", "SQL3"]}
    assert GROUP.inputs_of_update(olds, inputs).added == ("SQL1", "SQL3")
    assert GROUP.inputs_of_update(olds, inputs.model_copy(update={"lost": ()})).added == ()
    found = survivor(replica("SQL1", connected=False), replica("SQL2"), replica("SQL3"), added=("SQL1", "SQL3"))
    assert sentences(GROUP.plan(inputs, found)) == [
        "On SQL2, record that this program added SQL1, SQL3 to SQL.",
        "On SQL2, remove the replica SQL1 from SQL.",
        "On SQL2, record that this program added SQL3 to SQL.",
    ]
    after = survivor(replica("SQL2"), replica("SQL3"), added=("SQL3",), keeper="SQL2")
    assert GROUP.plan(inputs, after) == []


def test_a_proof_that_the_lost_machine_kept_is_not_made_again() -> None:
    proof = FailoverProofResource()
    old = next(case for case in CASES if case.name == "FailoverProof").parsed()
    inputs = old.model_copy(update={"machine": "SQL2", "machines": ("SQL2", "SQL3"), "partner": "SQL3"})
    olds = old.model_dump(mode="json")
    assert proof.inputs_of_update(olds, inputs).kept == old.marker
    assert proof.inputs_of_update(olds, old).kept == ""
    known = FailoverProofFacts(survivor(replica("SQL2"), replica("SQL3")).group, old.marker, (), here=False)
    assert sentences(proof.plan(inputs, known)) == ["Record that the failover of SQL is proved."]


# The whole program ----------------------------------------------------------------------------------------------------


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], Inputs]:
    def shown(value: Any) -> Any:
        return rpc.unwrap_rpc_secret(value) if rpc.is_rpc_secret(value) else value

    def make(file: Path) -> Inputs:
        return {
            one.name: (kind, {key: shown(value) for key, value in one.inputs.items()})
            for one in run(tmp_path, monkeypatch, topology=file).resources
            if (kind := one.type.removeprefix("pulumi-python:")) in KINDS
        }

    return make


OF_THE_GROUP = {
    "SQL",
    "SQL-administrator",
    "SQL-alwayson",
    "SQL-authentication",
    "SQL-backup-share",
    "SQL-cluster",
    "SQL-failover-cluster",
    "SQL-listener",
    "SQL-primary",
    "logins",
    "logins-after-joining",
}


def test_what_a_lost_machine_takes_along(made: Callable[[Path], Inputs], losing: Losing) -> None:
    before = made(losing())

    def taken(*lost: str) -> tuple[set[str], set[str], set[str]]:
        after = made(losing(*lost))
        for name, (_, inputs) in after.items():
            at_all = [key for key, value in inputs.items() if any(machine in str(value) for machine in lost)]
            assert at_all in ([], ["lost"]), f"{name} still names {lost}: {at_all}"
        return touched(before, after)

    assert taken("Portal2") == (
        set(),
        {"server-tls", "admin-api-cluster", "logins-after-joining"},
        of("Portal2", "plan-replication"),
    )
    through = THROUGH_THE_FIRST | {"server-tls", "Portal2-node", "logins-after-joining"}
    assert taken("Portal1") == (set(), through, of("Portal1") | {"Portal2-plan-replication"})
    assert taken("SPF1") == (set(), {"server-tls"}, {"SPF1-account"})
    created, updated, deleted = taken("SQL2")
    databases = {name for name, (kind, _) in before.items() if kind.endswith("AvailabilityDatabase")}
    configured = {"Portal1-configuration", "Portal2-configuration"}
    assert (created, deleted) == (set(), {"SQL2-endpoint", "failover-proof"})
    assert updated == OF_THE_GROUP | databases | configured | {"SQL1-endpoint", "server-tls"}
    # Where it was the preferred primary, the same through the other one.
    assert taken("SQL1") == (
        set(),
        updated - {"SQL1-endpoint"} | {"SQL2-endpoint"},
        {"SQL1-endpoint", "failover-proof"},
    )


@pytest.mark.parametrize("file", sorted((ROOT / "topologies").glob("*.yaml")), ids=lambda file: file.stem)
def test_every_design_goes_on_without_the_first_of_each(
    file: Path, made: Callable[[Path], Inputs], tmp_path: Path
) -> None:
    whole = load(file)
    lists = [*(tier.nodes for tier in whole.portal.tiers), whole.spf.servers]
    lists.append(tuple(replica.machine for replica in whole.replicas))
    lost = [names[0] for names in lists if len(names) > 1]
    declared = yaml.safe_load(file.read_text(encoding="utf-8"))
    for machine in declared["machines"]:
        machine["lost"] = machine["name"] in lost
    (tmp_path / file.name).write_text(yaml.safe_dump(declared), encoding="utf-8")
    for name, (_, inputs) in made(tmp_path / file.name).items():
        reported = {key: value for key, value in inputs.items() if key != "lost"}
        named = [machine for machine in lost if re.search(rf"\b{re.escape(machine)}\b", f"{name} {reported}")]
        assert named == [], name


def test_it_comes_back_as_a_new_one(made: Callable[[Path], Inputs], losing: Losing) -> None:
    created, _, deleted = touched(made(losing("Portal2")), made(losing()))
    assert (created, deleted) == (of("Portal2", "plan-replication"), set())
