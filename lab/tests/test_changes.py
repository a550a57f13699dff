"""``lab.testing.changes``: each is seen, and ``undo`` leaves nothing of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from lab.testing import changes, snapshot, windows
from lab.testing.handle import Lab
from lab.testing.worlds import begin_sql, begin_winrm
from lab.tests.worlds import small_world
from lab.windows import beginning, nlb
from lab.world import World

CHANGES: dict[str, Callable[[World], changes.Change]] = {
    "network_card": lambda lab: changes.network_card(lab, "Portal1", "Ethernet", dhcp=True),
    "free_space": lambda lab: changes.free_space(lab, "Portal1", "C", 5 << 30),
    "clock": lambda lab: changes.clock(lab, "Portal1", 400),
    "domain_clock": lambda lab: changes.domain_clock(lab, "hyper-v.nu", 45),
    "dns": lambda lab: changes.dns(lab, "spf.hyper-v.nu", "172.21.5.9"),
    "registry_value": lambda lab: changes.registry_value(lab, "SPF1", r"HKLM\SOFTWARE\Another", "Name", 7),
    "no_hotfix": lambda lab: changes.no_hotfix(lab, "Portal1", "KB2842230"),
    "shell_memory": lambda lab: changes.shell_memory(lab, "SPF1", 150),
    "service": lambda lab: changes.service(lab, "SQL1", "MSSQLSERVER", account=r"HYPERVNU\another"),
    "share": lambda lab: changes.share(lab, "FILE", "Other", r"C:\Other", like="SQLAG"),
    "share_access": lambda lab: changes.share_access(lab, "FILE", "SQLAG", {}),
    "no_root_certificates": lambda lab: changes.no_root_certificates(lab, "Portal2"),
    "firewall_off": lambda lab: changes.firewall_off(lab, "SQL1", 5022),
    "local_account": lambda lab: changes.local_account(lab, "SPF1", "another", "Another-Pass-1!"),
    "no_group": lambda lab: changes.no_group(lab, "SPF1", "SPF_VMM"),
    "password": lambda lab: changes.password(lab, "hyper-v.nu", "installer", "Another-Pass-1!"),
    "no_account": lambda lab: changes.no_account(lab, "hyper-v.nu", "operator"),
    "lock_out": lambda lab: changes.lock_out(lab, "hyper-v.nu", 5),
    "sql_server": lambda lab: changes.sql_server(lab, "SQL1", edition="Standard Edition (64-bit)"),
    "failover_cluster": lambda lab: changes.failover_cluster(lab, members=["SQL1"]),
    "group_resource": lambda lab: changes.group_resource(lab, "SQL", failover_threshold=0),
    "port_rules": lambda lab: changes.port_rules(lab, "Portal1", "Ethernet", lambda rules: []),
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = small_world(tmp_path_factory.mktemp("changes"))
    beginning.begin(world)
    begin_winrm(world)
    begin_sql(world)
    world.machine("Portal1").collection("nlb-node")["Ethernet"] = {"port_rules": [nlb.rule(443, 443, "tcp")]}
    yield world
    world.close()


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_there_until_it_is_undone(world: World, name: str) -> None:
    before = snapshot.documents(world.directory)
    with CHANGES[name](world) as change:
        assert snapshot.documents(world.directory) != before
    assert snapshot.documents(world.directory) == before
    change.undo()
    assert snapshot.documents(world.directory) == before


def test_what_else_happens_meanwhile_stays(world: World) -> None:
    before = windows.failed_log_ons(world, "hyper-v.nu")["installer"]
    with changes.password(world, "hyper-v.nu", "installer", "Another-Pass-1!"):
        windows.wrong_password(world, "SQL1", r"HYPERVNU\installer")
    assert windows.failed_log_ons(world, "hyper-v.nu")["installer"] == before + 1


def test_every_change_is_here() -> None:
    public = {name for name, one in vars(changes).items() if getattr(one, "__module__", "") == changes.__name__}
    assert {name for name in public if not name.startswith("_")} == CHANGES.keys() | {"Change", "listener"}


def test_what_is_not_there_cannot_be_changed(world: World) -> None:
    unknowns: tuple[Callable[[], changes.Change], ...] = (
        lambda: changes.share_access(world, "FILE", "none", {}),
        lambda: changes.network_card(world, "none", "Ethernet", dhcp=True),
        lambda: changes.firewall_off(world, "SQL1", 4711),
        lambda: changes.sql_server(world, "FILE", edition="x"),
    )
    for unknown in unknowns:
        with pytest.raises(KeyError):
            unknown()


def test_a_handle_is_taken_as_what_is_in_it(world: World) -> None:
    assert windows.members(Lab(world), "SPF1", "SPF_Admin") == windows.members(world, "SPF1", "SPF_Admin")
