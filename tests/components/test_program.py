"""The whole program with Pulumi's mocks: which resources, in which order, under which parents, with which secrets."""

from __future__ import annotations

import base64
import itertools
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime import rpc

from components.portal.databases import DATABASES
from tests.components.certificates import write_pfx
from tests.components.program import ROOT, SECRETS, Program, run, shipped


@pytest.fixture
def program() -> Program:
    return shipped(ROOT / "topologies" / "single-domain.yaml")


def test_every_step_of_the_walk_through_is_there(program: Program) -> None:
    for kind, count in {
        "windows:Feature": 2,
        "nlb:Cluster": 1,
        "nlb:Node": 2,
        "nlb:PortRules": 1,
        "windows:LocalAccount": 2,
        "windows:Certificate": 2,
        "sql:AuthenticationMode": 1,
        "sql:Administrator": 1,
        "sql:AvailabilityGroup": 1,
        "sql:Listener": 1,
        "sql:Primary": 1,
        "farm:ServerTlsCheck": 1,
        "sql:FailoverClusterCheck": 1,
        "sql:BackupShareCheck": 1,
        "portal:SoftwareSource": 2,
        "portal:Software": 2,
        "portal:Configuration": 2,
        "windows:GroupMembers": 2,
        "portal:Administrators": 1,
        "sql:AvailabilityDatabase": len(DATABASES),
        "sql:LoginMirror": 2,
        "farm:FailoverProof": 1,
        "portal:Plan": 1,
        "portal:PlanReplicationCheck": 1,
        "spf:Registration": 1,
        "iis:SiteBinding": 2,
        "iis:SiteCertificates": 2,
        "windows:SupersededRules": 2,
        "windows:FirewallRule": 6,
        "portal:PublicEndpointName": 7,
        "portal:Federation": 2,
        "portal:ProviderEndpoints": 5,
        "command:local:Command": 1,
    }.items():
        assert len(program.all(kind)) == count, kind


def test_the_order_is_the_articles(program: Program) -> None:
    steps = [
        program.one("sql:AuthenticationMode", "SQL-authentication"),
        program.one("sql:Administrator", "SQL-administrator"),
        program.one("sql:AvailabilityGroup", "SQL"),
        program.one("sql:Listener", "SQL-listener"),
        program.one("sql:Primary", "SQL-primary"),
        program.one("portal:Software", "Portal1-software"),
        program.one("portal:Configuration", "Portal1-configuration"),
        program.one("windows:GroupMembers", "Portal1-operators"),
        program.one("sql:AvailabilityDatabase", "Microsoft.MgmtSvc.Store"),
        program.one("sql:LoginMirror", "logins"),
        program.one("farm:FailoverProof", "failover-proof"),
        program.one("portal:Plan", "plan"),
        program.one("portal:Software", "Portal2-software"),
        program.one("portal:Configuration", "Portal2-configuration"),
        program.one("sql:LoginMirror", "logins-after-joining"),
        program.one("portal:PlanReplicationCheck", "Portal2-plan-replication"),
        program.one("spf:Registration", "spf-registration"),
        program.one("iis:SiteBinding", "Portal1-tenant-site"),
        program.one("portal:PublicEndpointName", "AuthSite-name"),
        program.one("portal:Federation", "TenantSite-trust"),
        program.one("command:local:Command", "verification"),
    ]
    for first, second in itertools.pairwise(steps):
        assert program.is_before(first, second), f"{first.name} comes before {second.name}"
    assert program.is_before(
        program.one("nlb:Cluster", "admin-api-cluster"), program.one("portal:Software", "Portal1-software")
    )
    assert program.is_before(program.one("windows:LocalAccount", "SPF2-account"), steps[16])
    assert not program.is_before(program.one("nlb:Cluster", "admin-api-cluster"), steps[0])


def test_the_feature_is_on_every_node_before_the_cluster_is_made_or_changed(program: Program) -> None:
    cluster = program.one("nlb:Cluster", "admin-api-cluster")
    assert all(program.is_before(program.one("windows:Feature", f"Portal{n}-nlb"), cluster) for n in (1, 2))


def test_clients_come_to_a_node_last_and_one_node_after_the_other(program: Program) -> None:
    """A deletion goes the other way round: a node has no client any more before anything on it is taken away."""
    for node in ("Portal1", "Portal2"):
        joined = program.one("nlb:Node", f"{node}-node")
        own = [
            one
            for one in program.resources
            if one.inputs.get("machine") == node and one is not joined and not one.type.endswith(TALKING)
        ]
        assert len(own) >= 6, node
        assert [one.name for one in own if not program.is_before(one, joined)] == []
    assert program.is_before(program.one("nlb:Node", "Portal1-node"), program.one("nlb:Node", "Portal2-node"))


OF_THE_STACK = ("farm:StackIdentity", "farm:Closing")
"""What manages no machine."""
TALKING = (
    "portal:Administrators",
    "portal:Plan",
    "spf:Registration",
    "portal:PublicEndpointName",
    "portal:Federation",
    "portal:ProviderEndpoints",
)
"""What only speaks through a node."""


def test_the_mirror_compares_again_when_any_node_was_configured(program: Program) -> None:
    assert len(program.one("sql:LoginMirror", "logins-after-joining").inputs["revisions"]) == 2
    assert program.one("sql:LoginMirror", "logins").inputs["revisions"] == []


def test_everything_waits_until_the_sources_of_software_are_seen(program: Program) -> None:
    trusted, sources = (
        program.one("farm:ServerTlsCheck", "server-tls"),
        program.all("portal:SoftwareSource"),
    )
    assert len(sources) == 2
    assert all(program.is_before(trusted, source) for source in sources)
    sources += [trusted, *program.all("sql:BackupShareCheck")]
    for resource in program.resources:
        if "dynamic" in resource.type and resource not in sources and not resource.type.endswith(OF_THE_STACK):
            assert all(program.is_before(source, resource) for source in sources), resource.name


def test_every_resource_has_its_component_as_parent(program: Program) -> None:
    loose = [
        resource.name for resource in program.resources if "dynamic" in resource.type and "wap:" not in resource.parent
    ]
    assert loose == []


def test_the_verification_runs_again_when_any_resource_changes(program: Program) -> None:
    triggers = program.one("command:local:Command", "verification").inputs["triggers"]
    managed = [r for r in program.resources if "dynamic" in r.type and not r.type.endswith(OF_THE_STACK)]
    assert triggers == [f"{len(managed)} resources, the last of them changed at now"]


def test_every_resource_belongs_to_the_stack(program: Program) -> None:
    stack = program.one("farm:StackIdentity", "stack")
    assert stack.inputs["stack"] == "windows-azure-pack-ha/test"
    for resource in program.resources:
        if "dynamic" in resource.type and not resource.type.endswith(OF_THE_STACK):
            assert resource.inputs["__owner"]["resource"] == resource.name
            assert program.is_before(stack, resource)


def test_what_is_deleted_last_comes_before_everything_directly(program: Program) -> None:
    """The engine orders deletions by direct edges among what is deleted."""
    closing = program.one("farm:Closing", "closing")
    others = [r for r in program.resources if "dynamic" in r.type and r is not closing]
    assert [r.name for r in others if closing.urn not in r.dependencies] == []


def _texts(value: Any, *, secret: bool = False) -> list[tuple[str, bool]]:
    """Every text in an input, and whether it is inside a secret."""
    if rpc.is_rpc_secret(value):
        return _texts(rpc.unwrap_rpc_secret(value), secret=True)
    if isinstance(value, str):
        return [(value, secret)]
    if isinstance(value, dict):
        return [pair for item in value.values() for pair in _texts(item, secret=secret)]
    if isinstance(value, list | tuple):
        return [pair for item in value for pair in _texts(item, secret=secret)]
    return []


def test_no_secret_travels_in_clear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = run(tmp_path, monkeypatch)
    pfx = base64.b64encode((tmp_path / "portal.pfx").read_bytes()).decode()
    hidden = [*SECRETS.values(), "Test-Installer-1!", "only-for-tests", pfx]
    for resource in program.resources:
        for text, secret in _texts(resource.inputs):
            for one in hidden:
                assert secret or one not in text, f"{resource.name} has a secret in clear"


def test_a_password_that_is_missing_is_not_called_unencrypted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An object that is set key by key has nothing encrypted in it before its password."""
    certificates = {"portal": {"file": str(tmp_path / "portal.pfx")}}
    credentials = {"hyper-v.nu": {"username": r"HYPERVNU\installer"}}
    everything: dict[str, Any] = {"certificates": certificates, "credentials": credentials}
    set_it, empty = "Set it: pulumi config set --secret --path", "(an empty one for a file without a password)"
    with pytest.raises(pulumi.RunError) as caught:
        run(tmp_path, monkeypatch, in_clear=list(everything), **everything)
    assert str(caught.value).splitlines() == [
        f"credentials.hyper-v.nu.password: it is missing. {set_it} 'credentials[\"hyper-v.nu\"].password'",
        f"certificates.portal.password: it is missing. {set_it} 'certificates[\"portal\"].password' {empty}",
    ]


@pytest.mark.parametrize(("key", "name"), [("credentials", "hyper-v.nu"), ("certificates", "portal")])
def test_a_password_in_clear_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, name: str) -> None:
    with pytest.raises(pulumi.RunError) as caught:
        run(tmp_path, monkeypatch, in_clear=[key])
    assert str(caught.value) == (
        f"{key}.{name}.password: it stands in clear. "
        f"Set it again: pulumi config set --secret --path '{key}[\"{name}\"].password'"
    )


def test_secret_inputs_are_secret_outputs_too(program: Program) -> None:
    assert program.one("sql:Administrator", "SQL-administrator").secret_outputs == ["password"]
    assert program.one("portal:Configuration", "Portal1-configuration").secret_outputs == ["password", "passphrase"]
    assert program.one("windows:Certificate", "Portal1-certificate").secret_outputs == ["pfx", "password"]


def test_the_provider_in_the_state_is_a_name_only(program: Program) -> None:
    for resource in program.resources:
        if "dynamic" in resource.type:
            payload = resource.inputs["__provider"]
            assert not rpc.is_rpc_secret(payload)
            content = base64.b64decode(payload)
            assert len(content) < 160, resource.name
            assert b"components." in content


def test_a_certificate_for_another_name_stops_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pfx(tmp_path / "portal.pfx", "other.example")
    with pytest.raises(pulumi.RunError, match=r"not for portal\.hyper-v\.nu"):
        run(tmp_path, monkeypatch)


def test_a_broken_topology_stops_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("name: broken\n")
    with pytest.raises(pulumi.RunError, match=r"broken\.yaml:1"):
        run(tmp_path, monkeypatch, topology=broken)
