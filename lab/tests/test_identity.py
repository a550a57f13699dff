"""Accounts, groups and log-ons of the lab."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from lab import boot, identity
from lab.tests.worlds import small_world
from lab.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = small_world(tmp_path)
    yield world
    world.close()


TOPOLOGIES = Path(boot.__file__).parent / "topologies"
INSTALLER = "Lab-Installer-2013!"
LOCAL = "Lab-Local-Administrator-2013!"


@pytest.mark.parametrize(
    ("user", "password", "expected"),
    [
        ("HYPERVNU\\installer", INSTALLER, "HYPERVNU\\installer"),
        ("hyper-v.nu\\INSTALLER", INSTALLER, "HYPERVNU\\installer"),
        ("installer@hyper-v.nu", INSTALLER, "HYPERVNU\\installer"),
        ("installer", INSTALLER, "HYPERVNU\\installer"),
        ("Administrator", LOCAL, "PORTAL1\\Administrator"),
        (".\\administrator", LOCAL, "PORTAL1\\Administrator"),
        ("PORTAL1\\Administrator", LOCAL, "PORTAL1\\Administrator"),
        ("WORKGROUP\\Administrator", LOCAL, "PORTAL1\\Administrator"),
        ("HYPERVNU\\Administrator", LOCAL, None),
        ("PORTAL1\\installer", INSTALLER, None),
        ("installer@other.nu", INSTALLER, None),
        ("HYPERVNU\\installer", "wrong", None),
        ("HYPERVNU\\nobody", INSTALLER, None),
        ("Guest", "", None),  # disabled
    ],
)
def test_names_of_accounts(world: World, user: str, password: str, expected: str | None) -> None:
    found = identity.authenticate(world, world.machine("Portal1"), user, password)
    assert (found.user if found else None) == expected


def test_domain_administrators_are_administrators_everywhere(world: World) -> None:
    for machine in world.machines.values():
        assert identity.identity(world, machine, "HYPERVNU\\installer").administrator
        assert not identity.identity(world, machine, "HYPERVNU\\operator").administrator


def test_a_nested_domain_group_reaches_a_local_group(world: World) -> None:
    spf = world.machine("SPF1")
    world.collection("hyper-v.nu", "group")["Inner"] = {"sid": "S-1-5-21-1-2-3-9001", "groups": ["Outer"]}
    world.collection("hyper-v.nu", "group")["Outer"] = {"sid": "S-1-5-21-1-2-3-9002", "groups": ["Inner"]}  # a ring
    world.collection("hyper-v.nu", "account").change("operator", groups=["Inner"])
    spf.collection("group").change("SPF_VMM", members=["hypervnu\\OUTER"])

    who = identity.identity(world, spf, "HYPERVNU\\operator")

    assert identity.in_group(who, "spf_vmm")
    assert identity.in_group(who, "SPF1\\SPF_VMM")
    assert not identity.in_group(who, "SPF_Admin")
    assert not identity.in_group(identity.identity(world, world.machine("SPF2"), "HYPERVNU\\operator"), "SPF_VMM")


def test_only_spf_servers_have_the_groups_of_spf(world: World) -> None:
    assert set(identity.SPF_GROUPS) <= set(world.machine("SPF2").collection("group"))
    assert not set(identity.SPF_GROUPS) & set(world.machine("Portal1").collection("group"))


def test_failed_logons_are_counted(world: World) -> None:
    machine = world.machine("SQL1")
    accounts = world.collection("hyper-v.nu", "account")
    for _ in range(2):
        identity.authenticate(world, machine, "operator", "wrong")
    assert accounts["operator"]["bad_password_count"] == 2
    identity.authenticate(world, machine, "operator", "Lab-Operator-2013!")
    assert (accounts["operator"]["bad_password_count"], accounts["operator"]["failed_logons"]) == (0, 2)


def test_a_disabled_account_cannot_log_on(world: World) -> None:
    machine = world.machine("SQL1")
    world.collection("hyper-v.nu", "account").change("operator", disabled=True)
    assert identity.authenticate(world, machine, "operator", "Lab-Operator-2013!") is None
    machine.collection("account").change("Administrator", flags=identity.ACCOUNT_DISABLED)
    assert identity.authenticate(world, machine, ".\\Administrator", LOCAL) is None


def test_identifiers(world: World) -> None:
    seen = [document["sid"] for document in world.collection("hyper-v.nu", "account").values()]
    seen += [document["sid"] for document in world.collection("hyper-v.nu", "group").values()]
    assert len(seen) == len(set(seen))
    # The binary form of BUILTIN\Administrators as Microsoft documents it.
    assert identity.sid_bytes("S-1-5-32-544").hex() == "01020000000000052000000020020000"
    first = world.machine("SPF1").collection("group")["SPF_Admin"]["sid"]
    assert first != world.machine("SPF2").collection("group")["SPF_Admin"]["sid"]


def test_system_and_computer_accounts(world: World) -> None:
    machine = world.machine("SQL1")
    assert identity.identity(world, machine, "NT AUTHORITY\\SYSTEM").administrator
    assert not identity.identity(world, machine, "NT AUTHORITY\\NETWORK SERVICE").administrator
    assert identity.identity(world, machine, "HYPERVNU\\sql2$").user == "HYPERVNU\\SQL2$"
    with pytest.raises(identity.UnknownAccountError, match="No mapping between account names"):
        identity.identity(world, machine, "HYPERVNU\\SQL9$")


def test_a_domain_of_a_topology_of_ones_own_has_accounts(tmp_path: Path) -> None:
    """And the groups that its topology names, so that the portal can be given to them."""
    topology = yaml.safe_load((TOPOLOGIES / "single-domain.yaml").read_text(encoding="utf-8"))
    topology["domains"][0] |= {"name": "corp.contoso.example", "netbios": "CONTOSO"}
    for machine in topology["machines"]:
        machine["domain"] = "Corp.Contoso.example"
    topology["portal"]["administrators"] = ["CONTOSO\\Cloud Team", "CONTOSO\\operator"]
    file = tmp_path / "topology.yaml"
    file.write_text(yaml.safe_dump(topology), encoding="utf-8")
    world = boot.build(file, tmp_path / "lab", 0)
    try:
        identity.begin(world)
        sql1 = world.machine("SQL1")
        found = identity.authenticate(world, sql1, "CONTOSO\\installer", INSTALLER)
        assert found is not None
        assert found.administrator
        groups = world.collection("corp.contoso.example", "group")
        assert "Cloud Team" in groups
        assert "operator" not in groups
    finally:
        world.close()
