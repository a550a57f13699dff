"""WinRM of the lab seen through pywinrm: log-on, shells, streams, limits, faults, restarts."""

from __future__ import annotations

import json
import socket
import ssl
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from winrm.exceptions import (
    InvalidCredentialsError,
    WinRMOperationTimeoutError,
    WinRMTransportError,
    WSManFaultError,
)
from winrm.protocol import Protocol

from lab import identity, machines
from lab.faults import Fault
from lab.powershell import api
from lab.testing import faults
from lab.tests.winrm.conftest import DONE, Named
from lab.windows import registry
from lab.winrm import service, shells
from lab.world import World

Connect = Callable[..., Protocol]


def start(client: Protocol, program: str = "powershell.exe") -> tuple[str, str]:
    shell = client.open_shell(codepage=65001)
    return shell, client.run_command(shell, program, ["-x"], console_mode_stdin=False, skip_cmd_shell=True)


def send(client: Protocol, shell: str, command: str, **request: object) -> dict[str, object]:
    client.send_command_input(shell, command, (json.dumps(request) + "\n").encode())
    return answer(client, shell, command)


def answer(client: Protocol, shell: str, command: str) -> dict[str, object]:
    text = b""
    while not text.endswith(b"\n"):
        text += client.get_command_output_raw(shell, command)[0]
    found: dict[str, object] = json.loads(text.splitlines()[-1])
    return found


@pytest.mark.parametrize(
    ("user", "password", "expected"),
    [
        ("HYPERVNU\\installer", "Lab-Installer-2013!", "HYPERVNU\\installer"),
        ("installer@hyper-v.nu", "Lab-Installer-2013!", "HYPERVNU\\installer"),
        (".\\Administrator", "Lab-Local-Administrator-2013!", "PORTAL1\\Administrator"),
        ("Administrator", "Lab-Local-Administrator-2013!", "PORTAL1\\Administrator"),
    ],
)
def test_domain_and_local_accounts(connect: Connect, user: str, password: str, expected: str) -> None:
    client = connect("Portal1", user, password)
    shell, command = start(client)
    assert send(client, shell, command, id=1) == {"id": 1, "user": expected}


def test_a_wrong_password_is_refused_and_counted(world: World, connect: Connect) -> None:
    with pytest.raises(InvalidCredentialsError):
        connect("SQL1", password="wrong").open_shell()
    with pytest.raises(InvalidCredentialsError):
        connect("SQL1", user="HYPERVNU\\nobody").open_shell()
    assert world.collection("hyper-v.nu", "account")["installer"]["failed_logons"] == 1
    connect("SQL1").open_shell()
    assert world.collection("hyper-v.nu", "account")["installer"]["bad_password_count"] == 0


def test_an_account_is_locked_where_the_domain_says_so(world: World, connect: Connect) -> None:
    policy = world.collection("hyper-v.nu", "policy")
    policy["lockout"] = {"threshold": 3}
    for machine in ("SQL1", "Portal1"):  # a success in between resets the count
        for _ in range(2):
            with pytest.raises(InvalidCredentialsError):
                connect(machine, password="wrong").open_shell()
        connect(machine).open_shell()
    for machine in ("SQL1", "SQL2", "Portal1"):
        with pytest.raises(InvalidCredentialsError):
            connect(machine, password="wrong").open_shell()
    with pytest.raises(InvalidCredentialsError):
        connect("SPF1").open_shell()
    connect("SPF1", ".\\Administrator", "Lab-Local-Administrator-2013!").open_shell()


def test_an_account_made_later_logs_on(world: World, connect: Connect) -> None:
    machine = world.machine("SPF1")
    accounts, groups = machine.collection("account"), machine.collection("group")
    sid = identity.next_sid(accounts, groups, identity.authority_sid("x"))
    accounts["late:comer"] = {"password": "Ärger:1:2", "sid": sid, "flags": 0x200}
    groups.change("Administrators", members=["SPF1\\late:comer"])
    registry.write(machine, identity.FILTER_POLICY_KEY, "LocalAccountTokenFilterPolicy", 1, "DWord")
    client = connect("SPF1", "SPF1\\late:comer", "Ärger:1:2")
    shell, command = start(client)
    assert send(client, shell, command)["user"] == "SPF1\\late:comer"


def test_only_administrators_open_shells(connect: Connect) -> None:
    with pytest.raises(WSManFaultError, match="Access is denied") as caught:
        connect("SQL1", "HYPERVNU\\operator", "Lab-Operator-2013!").open_shell()
    assert (caught.value.wsman_fault_code, caught.value.fault_subcode) == (5, "w:AccessDenied")


def test_a_local_administrator_has_a_filtered_token(world: World, connect: Connect) -> None:
    machine = world.machine("SPF1")
    sid = identity.next_sid(machine.collection("account"), machine.collection("group"), identity.authority_sid("x"))
    machine.collection("account")["second"] = {"password": "Second-Pass-1!", "sid": sid, "flags": 0x200}
    built_in = f"{machine.name.upper()}\\Administrator"
    machine.collection("group").change("Administrators", members=[built_in, "SPF1\\second"])
    client = connect("SPF1", "SPF1\\second", "Second-Pass-1!")
    with pytest.raises(WSManFaultError, match="Access is denied"):
        client.open_shell()
    connect("SPF1", ".\\Administrator", "Lab-Local-Administrator-2013!").open_shell()
    registry.write(machine, identity.FILTER_POLICY_KEY, "LocalAccountTokenFilterPolicy", 1, "DWord")
    connect("SPF1", "SPF1\\second", "Second-Pass-1!").open_shell()


def test_no_tls_beyond_what_server_2012_offers(world: World) -> None:
    machine = world.machine("SPF1")
    context = ssl.create_default_context(cafile=str(world.directory / "authority" / "ca.pem"))
    plain = socket.create_connection((machine.loopback, 5986), timeout=10)
    with context.wrap_socket(plain, server_hostname=machine.fqdn) as secured:
        assert (secured.version(), secured.cipher()) == ("TLSv1.2", ("ECDHE-RSA-AES256-SHA384", "TLSv1.2", 256))
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    plain = socket.create_connection((machine.loopback, 5986), timeout=10)
    with pytest.raises(ssl.SSLError):
        context.wrap_socket(plain, server_hostname=machine.fqdn)


def test_basic_authentication_is_off_until_it_is_enabled(world: World, connect: Connect) -> None:
    local = (".\\Administrator", "Lab-Local-Administrator-2013!")
    with pytest.raises(InvalidCredentialsError):
        connect("SQL1", *local, transport="basic").open_shell()
    machine = world.machine("SQL1")
    machine.collection("winrm").change("listener", basic=True)
    machines.restart(world, machine)
    connect("SQL1", *local, transport="basic").open_shell()
    with pytest.raises(InvalidCredentialsError):
        connect("SQL1", local[0], "wrong", transport="basic").open_shell()


def test_the_certificate_is_checked(world: World) -> None:
    client = Protocol(
        f"https://{world.machine('SQL1').loopback}:5986/wsman", transport="ntlm", username="a", password="b"
    )
    with pytest.raises(requests.exceptions.SSLError):
        client.open_shell()


def test_the_certificate_is_for_the_name_and_not_for_the_address(world: World, connect: Connect) -> None:
    client = connect("SQL1")
    client.transport.build_session().mount("https://", Named(world.machine("SQL1").loopback))
    with pytest.raises(requests.exceptions.SSLError, match=r"IP address mismatch|doesn't match|no appropriate"):
        client.open_shell()


def test_streams_exit_code_and_the_end_of_input(connect: Connect) -> None:
    client = connect("SQL1")
    shell, command = start(client)
    client.send_command_input(shell, command, b'{"id": "\xc3\xa9", "error": "warned"}\r\n')
    client.send_command_input(shell, command, b"", end=True)
    output, error, code = client.get_command_output(shell, command)
    assert json.loads(output.decode()) == {"id": "é", "user": "HYPERVNU\\installer"}
    assert (error, code) == (b"warned", 7)
    with pytest.raises(WSManFaultError, match="pipe"):
        client.send_command_input(shell, command, b"{}\n")
    client.cleanup_command(shell, command)
    with pytest.raises(WSManFaultError, match="command identifier that does not exist"):
        client.get_command_output_raw(shell, command)
    client.close_shell(shell)


def test_a_quiet_command_times_out_and_goes_on(connect: Connect) -> None:
    client = connect("SQL1", operation_timeout_sec=1, read_timeout_sec=5)
    shell, command = start(client)
    client.send_command_input(shell, command, b'{"wait": 1.5, "id": 1}\n')
    with pytest.raises(WinRMOperationTimeoutError):
        client.get_command_output_raw(shell, command)
    assert answer(client, shell, command)["id"] == 1


def test_large_output_comes_in_pieces_that_fit_the_clients_envelope(connect: Connect) -> None:
    client = connect("SQL1")
    shell, command = start(client)
    client.send_command_input(shell, command, b'{"size": 400000}\n')
    pieces: list[bytes] = []
    while not b"".join(pieces).endswith(b'"}\r\n'):
        pieces.append(client.get_command_output_raw(shell, command)[0])
    assert len(b"".join(pieces)) > 400000
    assert len(pieces) >= 4
    assert max(len(piece) for piece in pieces) * 4 / 3 < 153600


def test_an_envelope_above_500_kilobytes_is_refused(connect: Connect) -> None:
    client = connect("SQL1")
    shell, command = start(client)
    line = b'{"id": "' + b"x" * 370000 + b'"}\n'
    client.send_command_input(shell, command, line)  # 493 KB as base64
    answer(client, shell, command)
    with pytest.raises(WinRMTransportError) as caught:
        client.send_command_input(shell, command, b"x" * 390000)
    assert caught.value.code == 413
    assert send(client, shell, command, id=2)["id"] == 2


def test_unknown_shells_and_other_peoples(connect: Connect) -> None:
    client = connect("SQL1")
    with pytest.raises(WSManFaultError, match="the shell was not found on the server") as caught:
        client.run_command("9AE49D3D-0000-4A8D-B5CB-8F5A3A5C0000", "powershell.exe")
    assert caught.value.wsman_fault_code == 2150858843
    shell, _ = start(client)
    other = connect("SQL1", ".\\Administrator", "Lab-Local-Administrator-2013!")
    with pytest.raises(WSManFaultError, match="Access is denied"):
        other.run_command(shell, "powershell.exe")


def test_unknown_programs(connect: Connect) -> None:
    client = connect("SQL1")
    shell = client.open_shell(codepage=65001)
    with pytest.raises(WSManFaultError, match="cannot find the file specified") as caught:
        client.run_command(shell, "nothing.exe", skip_cmd_shell=True)
    assert caught.value.wsman_fault_code == 2147942402
    command = client.run_command(shell, "nothing", ["-a"])
    _, error, code = client.get_command_output(shell, command)
    assert code == 1
    assert b"'nothing' is not recognized as an internal or external command" in error


def test_other_programs_run_and_are_recorded(world: World, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    def hostname(session: api.Session, arguments: list[str]) -> api.ProgramResult:
        return api.ProgramResult((session.machine.name, *arguments), ("careful",), 3)

    monkeypatch.setitem(api.PROGRAMS, "hostname.exe", hostname)
    client = connect("SQL1")
    shell = client.open_shell(codepage=65001)
    command = client.run_command(shell, "hostname", ['"a b"', "c"])
    assert client.get_command_output(shell, command) == (b"SQL1\r\na b\r\nc\r\n", b"careful\r\n", 3)
    entries = [json.loads(line) for line in (world.directory / "journal.jsonl").read_text().splitlines()]
    assert [(e["machine"], e["kind"], e["text"]) for e in entries] == [("SQL1", "start", 'hostname "a b" c')]


def test_cmd_syntax_is_not_modelled_and_says_so(connect: Connect) -> None:
    client = connect("SQL1")
    shell = client.open_shell()
    command = client.run_command(shell, "echo", ["a", "&", "echo", "b"])
    _, error, code = client.get_command_output(shell, command)
    assert code == 70
    assert error.startswith(b"The lab does not model cmd.exe")


def test_console_input_is_not_modelled_and_says_so(connect: Connect) -> None:
    client = connect("SQL1")
    shell = client.open_shell()
    command = client.run_command(shell, "powershell.exe", skip_cmd_shell=True)
    with pytest.raises(WSManFaultError, match="The lab does not model input to a command in console mode"):
        client.send_command_input(shell, command, "{}\n")


def test_signals_end_a_command(connect: Connect, world: World) -> None:
    client = connect("SQL1")
    shell, command = start(client)
    assert send(client, shell, command, id=1)["id"] == 1
    client.cleanup_command(shell, command)
    with pytest.raises(WSManFaultError, match="command identifier that does not exist"):
        client.send_command_input(shell, command, b"{}\n")
    (kept,) = service.service_of(world).shells["sql1"]._shells.values()
    assert not kept.processes


def test_several_shells_and_commands_at_once(connect: Connect) -> None:
    def work(number: int) -> list[object]:
        client = connect(f"SQL{number % 2 + 1}")
        shell, first = start(client)
        second = client.run_command(shell, "powershell.exe", [], console_mode_stdin=False, skip_cmd_shell=True)
        turns = [(turn, command) for turn in range(5) for command in (first, second)]
        return [send(client, shell, command, id=f"{number}.{turn}")["id"] for turn, command in turns]

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(work, range(8)))
    assert results == [[f"{number}.{turn}" for turn in range(5) for _ in (1, 2)] for number in range(8)]


def test_quota_of_shells_for_one_user(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shells, "MAX_SHELLS_PER_USER", 2)
    client = connect("SQL1")
    kept = [client.open_shell() for _ in range(2)]
    with pytest.raises(WSManFaultError, match="maximum number of concurrent shells") as caught:
        client.open_shell()
    assert caught.value.wsman_fault_code == 2150859173
    assert "a maximum number of 2 concurrent shells" in str(caught.value.response)
    client.close_shell(kept[0], close_session=False)
    client.open_shell()


def test_quota_of_processes_in_one_shell(connect: Connect) -> None:
    client = connect("SQL1")
    shell = client.open_shell()
    for _ in range(shells.MAX_PROCESSES_PER_SHELL):
        client.run_command(shell, "powershell.exe", console_mode_stdin=False, skip_cmd_shell=True)
    with pytest.raises(WSManFaultError, match="Not enough quota"):
        client.run_command(shell, "powershell.exe", console_mode_stdin=False, skip_cmd_shell=True)


def test_an_idle_shell_is_removed(connect: Connect) -> None:
    client = connect("SQL1")
    shell = client.open_shell(idle_timeout="PT1.000S")
    time.sleep(1.1)
    with pytest.raises(WSManFaultError, match="the shell was not found"):
        client.run_command(shell, "powershell.exe")


def test_shells_survive_a_network_card_that_is_bound_again(world: World, connect: Connect) -> None:
    client = connect("Portal1")
    shell, command = start(client)
    assert send(client, shell, command, id=1)["id"] == 1
    world.network.drop("Portal1")
    # The old connection is dead: NTLM starts again on a new one, the shell and its process are still there.
    again = connect("Portal1")
    assert send(again, shell, command, id=2)["id"] == 2


def test_a_waiting_request_breaks_when_the_card_is_bound_again(world: World, connect: Connect) -> None:
    client = connect("Portal1")
    shell, command = start(client)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(client.get_command_output_raw, shell, command)
        time.sleep(0.3)
        world.network.drop("Portal1")
        with pytest.raises(requests.exceptions.ConnectionError):
            waiting.result(10)


def test_a_restart_ends_shells(world: World, connect: Connect) -> None:
    client = connect("Portal1")
    shell, command = start(client)
    machines.stop(world, world.machine("Portal1"))
    with pytest.raises(requests.exceptions.ConnectionError):
        send(client, shell, command, id=1)
    machines.start(world, world.machine("Portal1"))
    with pytest.raises(WSManFaultError, match="the shell was not found"):
        send(connect("Portal1"), shell, command, id=1)


def test_a_pulled_cable_ends_connections_and_keeps_shells(world: World, connect: Connect) -> None:
    client = connect("Portal1")
    shell, command = start(client)
    machines.disconnect(world, world.machine("Portal1"))
    with pytest.raises(requests.exceptions.ConnectionError):
        send(connect("Portal1"), shell, command, id=1)
    machines.connect(world, world.machine("Portal1"))
    assert send(connect("Portal1"), shell, command, id=2)["id"] == 2


def test_a_fault_before_the_request_loses_it(world: World, connect: Connect) -> None:
    client = connect("SQL1")
    shell, command = start(client)
    world.faults.add(Fault("SQL1", "winrm", nth=2, moment="before"))
    assert send(client, shell, command, id=1)["id"] == 1
    with pytest.raises(requests.exceptions.ConnectionError):
        send(client, shell, command, id=2)
    assert send(connect("SQL1"), shell, command, id=3)["id"] == 3  # 2 was never there


def test_calls_are_recorded_as_faults_count_them(world: World, connect: Connect) -> None:
    client = connect("SQL1")
    shell, command = start(client)
    with faults.recorded(world) as calls:
        for number in (1, 2):
            send(client, shell, command, id=number)
    assert [(one.machine, one.wire, json.loads(one.text)["id"]) for one in calls] == [
        ("SQL1", "winrm", 1),
        ("SQL1", "winrm", 2),
    ]
    number = faults.add(world, Fault("SQL1", "winrm", nth=2))
    send(client, shell, command, id=3)
    assert faults.stands(world, number)
    with pytest.raises(requests.exceptions.ConnectionError):
        send(client, shell, command, id=4)
    assert not faults.stands(world, number)
    assert len(calls) == 2, "not after the block"


def test_a_fault_after_the_effect_loses_only_the_acknowledgement(world: World, connect: Connect) -> None:
    client = connect("SQL1")
    shell, command = start(client)
    world.faults.add(Fault("SQL1", "winrm", moment="after"))
    with pytest.raises(requests.exceptions.ConnectionError):
        send(client, shell, command, id="after the effect", wait=0.3)
    assert DONE[-1] == "after the effect"
    assert (
        answer(connect("SQL1"), shell, command)["id"] == "after the effect"
    )  # it was done: the answer lies in the shell


def test_a_fault_after_a_line_without_an_answer_comes_once_it_was_read(world: World, connect: Connect) -> None:
    client = connect("SQL1")
    shell, command = start(client)
    world.faults.add(Fault("SQL1", "winrm", moment="after"))
    with pytest.raises(requests.exceptions.ConnectionError):
        client.send_command_input(shell, command, b'{"id": "silent", "silent": true}\n')
    assert DONE[-1] == "silent"


def test_a_slow_machine(world: World, connect: Connect) -> None:
    world.clock.pace = 1.0
    world.faults.add(Fault("SQL1", "winrm", delay_seconds=0.5))
    client = connect("SQL1")
    shell, command = start(client)
    begun = time.monotonic()
    send(client, shell, command, id=1)
    assert time.monotonic() - begun >= 0.5


def test_requests_are_quick(connect: Connect) -> None:
    client = connect("SQL1")
    shell, command = start(client)
    send(client, shell, command, id=0)
    begun = time.monotonic()
    for number in range(50):
        send(client, shell, command, id=number)
    assert (time.monotonic() - begun) / 50 < 0.05  # about 3 ms when nothing else runs
