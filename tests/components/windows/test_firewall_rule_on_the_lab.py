"""A firewall rule of the program that was limited by hand, in every way that Windows has."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from components.steps import Script, load_script
from components.windows.firewall_rule import FirewallRuleInputs, FirewallRuleResource
from lab.testing.worlds import close, small_world
from remote.secret import plain
from tests.components.contract import actual, sentences
from tests.components.sql.in_process import Servers

RESOURCE = FirewallRuleResource()
INPUTS = FirewallRuleInputs(machine="Portal1", rule="Windows Azure Pack HA (clients)", ports=("443",))
LIMITED = {
    "-LocalAddress 172.21.5.151": "LocalAddress 172.21.5.151",
    "-Protocol TCP -LocalPort 443 -RemotePort 9, 10": "RemotePort 9 10",
    r"-Program C:\Windows\notepad.exe": r"Program C:\Windows\notepad.exe",
    "-Service W3SVC": "Service W3SVC",
    "-InterfaceAlias Ethernet": "InterfaceAlias Ethernet",
    "-InterfaceType Wireless": "InterfaceType Wireless",
    "-Authentication Required": "Authentication Required",
    "-Encryption Required": "Encryption Required",
    "-LocalUser 'D:(A;;CC;;;BA)'": "LocalUser D:(A;;CC;;;BA)",
    "-RemoteUser 'D:(A;;CC;;;BA)'": "RemoteUser D:(A;;CC;;;BA)",
    "-RemoteMachine 'D:(A;;CC;;;BA)'": "RemoteMachine D:(A;;CC;;;BA)",
}


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    world = small_world(tmp_path_factory.mktemp("lab"))
    yield Servers(world)
    close(world)


def carry_out(servers: Servers) -> list[str]:
    steps = RESOURCE.plan(INPUTS, RESOURCE.observe(INPUTS, servers))
    for step in steps:
        assert isinstance(step.action, Script)
        servers.powershell("Portal1").run(load_script(step.action.path), plain(step.action.arguments), attempted="x")
    return sentences(steps)


@pytest.mark.parametrize("change", LIMITED)
def test_what_limits_it_is_found_and_taken_away(servers: Servers, change: str) -> None:
    carry_out(servers)
    assert carry_out(servers) == []
    by_hand = f"Set-NetFirewallRule -Name '{INPUTS.rule}' {change}"
    servers.powershell("Portal1").run(by_hand, attempted="limit it")
    assert actual(RESOURCE, INPUTS, RESOURCE.observe(INPUTS, servers))["limits"] == [LIMITED[change]]
    assert carry_out(servers) == [
        f"On Portal1, remove the firewall rule {INPUTS.rule}, which is limited to {LIMITED[change]}.",
        f"On Portal1, allow inbound TCP 443 from anywhere with the firewall rule {INPUTS.rule}.",
    ]
    assert carry_out(servers) == []
