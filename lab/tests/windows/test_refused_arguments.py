"""Arguments that Windows refuses: rules of the firewall and items of the file system."""

from __future__ import annotations

from typing import Any

import pytest

from lab import identity
from lab.powershell.api import NotModelledError, Session
from lab.powershell.runspace import Result, Runspace
from lab.world import World


def run(world: World, script: str) -> Result:
    machine = world.machine("Portal1")
    session = Session(machine, identity.identity(world, machine, "HYPERVNU\\installer"))
    return Runspace(session).run(script)


def error_id(result: Result) -> str | None:
    found = result.terminated or (result.errors[0] if result.errors else None)
    return found.error_id if found else None


@pytest.mark.parametrize(
    ("arguments", "refused"),
    [
        ("-Protocol TCP -LocalPort 443", False),
        ("-Protocol TCP -LocalPort 80, 443, 8000-8010", False),
        ("-Protocol 6 -LocalPort 0, 65535", False),
        ("-Protocol UDP -LocalPort Teredo", False),
        ("-Protocol TCP -LocalPort RPC, RPCEPMap", False),
        ("-Protocol ICMPv4", False),
        ("-Protocol 250", False),
        ("-LocalPort Any", False),
        ("-Protocol TCP -LocalPort 99999", True),
        ("-Protocol TCP -LocalPort 8010-8000", True),
        ("-Protocol TCP -LocalPort 80-99999", True),
        ("-Protocol TCP -LocalPort abc", True),
        ("-Protocol TCP -LocalPort -1", True),
        ("-Protocol TCP -RemotePort abc", True),
        ("-Protocol TCP -LocalPort PlayToDiscovery", True),
        ("-Protocol UDP -LocalPort RPC", True),
        ("-Protocol FOO", True),
        ("-Protocol 256", True),
        ("-LocalPort 443", True),
        ("-RemotePort 443", True),
        ("-Protocol ICMPv4 -LocalPort 443", True),
        ("-Protocol TCP -RemoteAddress 999.1.1.1", True),
    ],
)
def test_ports_and_protocols_of_a_rule(world: World, arguments: str, refused: bool) -> None:
    made = run(world, f"New-NetFirewallRule -Name a -DisplayName a {arguments}")
    assert error_id(made) == ("HRESULT 0x80070057,New-NetFirewallRule" if refused else None)
    assert ("a" in world.machine("Portal1").collection("firewall")) is not refused
    base = "New-NetFirewallRule -Name b -DisplayName b -Protocol TCP -LocalPort 1"
    changed = run(world, f"[void]({base}); Set-NetFirewallRule -Name b {arguments}")
    # A rule that has a protocol keeps it: ports alone go with TCP; another protocol does not go with the port it has.
    keeps = arguments in ("-LocalPort 443", "-RemotePort 443")
    loses = arguments in ("-Protocol ICMPv4", "-Protocol 250")
    wanted = loses or (refused and not keeps)
    assert error_id(changed) == ("HRESULT 0x80070057,Set-NetFirewallRule" if wanted else None)


@pytest.mark.parametrize("name", ["Set-NetFirewallRule -Name a -Enabled", "Set-Service W3SVC -StartupType"])
@pytest.mark.parametrize("word", ["perhaps", "''", "@('True', 'x')", "@{}", "$(Get-Date)"])
def test_a_word_that_an_enumeration_does_not_have(world: World, name: str, word: str) -> None:
    result = run(world, f"try {{ {name} {word} }} catch {{ $_.FullyQualifiedErrorId; $_.Exception.GetType().Name }}")
    assert result.terminated is None
    assert str(result.output[0]).startswith("CannotConvertArgument")
    assert result.output[1] == "ParameterBindingException"


@pytest.mark.parametrize(
    ("kind", "made"),
    [
        ("Directory", "d"),
        ("dir", "d"),
        ("C", "d"),
        ("File", "f"),
        ("f", "f"),
        ("Directoryy", None),
        ("files", None),
        ("Link", None),
    ],
)
def test_the_type_of_a_new_item(world: World, kind: str, made: str | None) -> None:
    script = f"[void](New-Item 'C:\\new' -ItemType {kind}); (Get-Item 'C:\\new').PSIsContainer"
    result = run(world, script)
    output: list[Any] = result.output
    if made is None:
        assert error_id(result) == "Argument,Microsoft.PowerShell.Commands.NewItemCommand"
    else:
        assert output == [made == "d"]


@pytest.mark.parametrize(
    "script",
    [
        "cmd /c dir",
        "& 'C:\\Windows\\System32\\reg.exe' query HKLM",
        "net user",
        "sc.exe query",
        "certutil -store My",
        "powershell.exe -Command 1",
        "Get-NetAdapter",
        "Resolve-DnsName a",
        "if (Get-Command Get-NetAdapter -ErrorAction SilentlyContinue) { 1 }",
        "Get-Command reg.exe -ErrorAction SilentlyContinue",
    ],
)
def test_what_windows_has_and_the_lab_does_not_is_not_denied(world: World, script: str) -> None:
    with pytest.raises(NotModelledError):
        run(world, script)


@pytest.mark.parametrize("name", ["Get-Nothing", "nothing.exe", "Get-NetAdapterNothing"])
def test_what_windows_does_not_have_is_denied(world: World, name: str) -> None:
    assert str(error_id(run(world, name))).startswith("CommandNotFoundException")
    assert run(world, f"Get-Command {name} -ErrorAction SilentlyContinue").output == []
