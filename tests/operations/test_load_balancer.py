"""``python -m operations load-balancer``, and how ``verify`` judges the name and the ports in front of a tier."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from components import stack_configuration
from components.portal import front
from components.topology import load
from operations import __main__ as operations
from operations.checks import balancing
from operations.row import Check, Row
from remote.errors import MachineError
from remote.http import Answer, HttpError

TOPOLOGY = "topologies/external-load-balancer.yaml"
NAME = "portal.hyper-v.nu"


def run(*arguments: str) -> Any:
    return CliRunner().invoke(operations.app, ["load-balancer", *arguments])


def test_text_and_json() -> None:
    text = run("--topology", TOPOLOGY)
    assert text.exit_code == 0
    assert text.stdout.startswith(f"Tier portal: https://{NAME}\n")
    assert "443    MgmtSvc-TenantSite       GET /ping, expect 200\n" in text.stdout
    (server,) = json.loads(run("--topology", TOPOLOGY, "--json").stdout)
    assert (server["address"], len(server["services"])) == ("172.22.5.150", 12)


def test_a_topology_without_one() -> None:
    done = run("--topology", "topologies/single-domain.yaml")
    assert done.exit_code == 0
    assert done.stdout == "No tier of topologies/single-domain.yaml is behind an external load balancer.\n"
    assert json.loads(run("--topology", "topologies/single-domain.yaml", "--json").stdout) == []


def test_the_topology_of_the_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def answered(question: list[str], stack: str) -> str:
        asked.append((question, stack))
        return f"{TOPOLOGY}\n"

    monkeypatch.setattr(stack_configuration, "run", answered)
    assert run("--stack", "mine").exit_code == 0
    assert asked == [(["config", "get", "topology"], "mine")], "no secret is read"


def test_errors_are_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("name: broken\n", encoding="utf-8")
    done = run("--topology", str(broken))
    assert (done.exit_code, done.stdout) == (2, "")
    assert "broken.yaml:1" in done.stderr

    def answered(question: list[str], stack: str) -> str:
        raise MachineError("this computer", "read", "no stack", "Choose one.")

    monkeypatch.setattr(stack_configuration, "run", answered)
    done = run()
    assert (done.exit_code, done.stderr) == (2, "error: this computer: read: no stack. Choose one.\n")


# The rows of verify --------------------------------------------------------------------------------------------


class Balanced:
    """A tier of two nodes behind a name; ``through`` says what each connection through the name comes to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, topology: str = TOPOLOGY) -> None:
        self.names: dict[str, str] = {NAME: "127.0.0.9"}
        self.down: set[str] = set()
        """Nodes that do not answer by themselves."""
        self.through: list[int | str] = [200]
        """Status or error of the connections in turn, over and over."""
        self.asked: list[int] = []
        self.context: Any = SimpleNamespace(
            topology=load(Path(topology)),
            remote=SimpleNamespace(
                hosts=SimpleNamespace(resolve=lambda name: self.names.get(name, name), authorities=""),
                https=self._direct,
            ),
        )
        monkeypatch.setattr(front, "get", self._get)

    def _direct(self, machine: str, port: int, **_: Any) -> Answer:
        if machine in self.down:
            raise HttpError("Connection refused")
        return Answer(200, b"", b"")

    def _get(self, address: str, port: int, name: str, **how: Any) -> Answer:
        assert (address, name, how["verify"]) == (self.names[NAME], NAME, False)
        came = self.through[len(self.asked) % len(self.through)]
        self.asked.append(port)
        if isinstance(came, str):
            raise HttpError(came)
        return Answer(came, b"", b"")

    def row(self, checked: str) -> Row:
        found: list[Check] = [check for check in balancing.checks(self.context) if check.checked == checked]
        (check,) = found
        assert check.member == NAME
        return check.row()

    def ports(self) -> Row:
        return self.row("every connection to every port is answered")


@pytest.fixture
def balanced(monkeypatch: pytest.MonkeyPatch) -> Balanced:
    return Balanced(monkeypatch)


def test_every_port_is_asked_once_more_than_there_are_nodes(balanced: Balanced) -> None:
    row = balanced.ports()
    assert (row.ok, row.found) == (True, "3 connections to each of 12 ports")
    assert {balanced.asked.count(port) for port in set(balanced.asked)} == {3}
    assert len(set(balanced.asked)) == 12


def test_one_unanswered_connection_is_enough(balanced: Balanced) -> None:
    balanced.down = {"Portal1"}
    balanced.through = [200, "Connection reset by peer", 200]
    row = balanced.ports()
    assert not row.ok
    assert row.found.startswith(
        "TCP 443: 1 of 3 unanswered (Connection reset by peer); of its servers, these answer: Portal2; TCP 30004: "
    )
    assert row.found.endswith("; `python -m operations load-balancer` prints what it has to carry")


def test_a_site_that_fails_is_no_answer(balanced: Balanced) -> None:
    balanced.down, balanced.through = {"Portal1", "Portal2"}, [503]
    assert "TCP 443: 3 of 3 unanswered (HTTP 503); of its servers, none answers" in balanced.ports().found


def test_the_clusters_of_the_program_are_asked_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Balanced(monkeypatch, "topologies/single-domain.yaml")
    assert cluster.ports().ok
    cluster.through = ["Connection refused"]
    assert "operations load-balancer" not in cluster.ports().found


@pytest.mark.parametrize(
    ("resolved", "ok", "found"),
    [
        (["172.22.5.150"], True, "so it does"),
        (["172.22.5.150", "172.22.5.150"], True, "so it does"),
        (["172.22.5.151"], False, "it leads to 172.22.5.151"),
        (["172.22.5.150", "10.0.0.1"], False, "it leads to 10.0.0.1, 172.22.5.150"),
        ([], False, "nothing resolves it (Name or service not known)"),
    ],
)
def test_the_name_leads_to_the_address(
    balanced: Balanced, monkeypatch: pytest.MonkeyPatch, resolved: list[str], ok: bool, found: str
) -> None:
    def resolve(name: str, *_: Any) -> list[Any]:
        assert name == NAME
        if not resolved:
            raise OSError(-2, "Name or service not known")
        return [(None, None, None, "", (address, 0)) for address in resolved]

    monkeypatch.setattr("socket.getaddrinfo", resolve)
    balanced.names = {}
    row = balanced.row("leads to 172.22.5.150")
    assert (row.ok, row.found) == (ok, found)


def test_a_name_in_hosts_is_not_asked_of_dns(balanced: Balanced) -> None:
    row = balanced.row("leads to 172.22.5.150")
    assert (row.ok, row.found) == (True, "`hosts` of this stack says 127.0.0.9; DNS was not asked")
