"""From a stack's configuration to hosts: what is wrong in it is one clear line."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from components import settings
from components.settings import connection_settings, hosts
from components.topology import load
from remote.hosts import Hosts
from tests.components.contract import refusal

TOPOLOGY_FILE = Path(__file__).parents[2] / "topologies" / "single-domain.yaml"
TOPOLOGY = load(TOPOLOGY_FILE)
DOMAIN = {"hyper-v.nu": {"username": r"HYPERVNU\installer", "password": "Installer-Pass-3!"}}


def given(**values: Any) -> Hosts:
    return hosts({"credentials": DOMAIN, "sqlAdministratorPassword": "Sql-Pass-3!", **values}, TOPOLOGY)


def test_without_entries_names_and_standard_ports_are_used() -> None:
    host = given()["portal1"]
    assert (host.name, host.fqdn, host.address) == ("Portal1", "portal1.hyper-v.nu", "portal1.hyper-v.nu")
    assert (host.winrm_port, host.sql_port, host.verify) == (5986, 1433, True)
    assert (host.username, host.password.reveal()) == (r"HYPERVNU\installer", "Installer-Pass-3!")
    assert "Installer-Pass-3!" not in repr(given())


def test_entries_win_and_numbers_may_be_texts_or_floats() -> None:
    found = given(hosts={"SQL1": {"address": "127.49.5.1", "winrmPort": "15986", "sqlPort": 11433.0, "verify": False}})
    host = found["SQL1"]
    assert (host.address, host.winrm_port, host.sql_port, host.verify) == ("127.49.5.1", 15986, 11433, False)


def test_a_replica_brings_the_name_and_the_port_of_its_instance() -> None:
    topology = load(TOPOLOGY_FILE.with_name("your-own.yaml"))
    credentials = {"corp.fabrikam.example": DOMAIN["hyper-v.nu"]}
    found = hosts({"credentials": credentials, "hosts": {"DATA-3": {"sqlPort": 11433}}}, topology)
    reached = {
        name: (found[name].sql_instance, found[name].sql_port) for name in ("DATA-1", "DATA-2", "DATA-3", "DEPOT")
    }
    assert reached == {"DATA-1": ("", 1433), "DATA-2": ("WAP", 10001), "DATA-3": ("", 11433), "DEPOT": ("", 1433)}


def test_a_machines_own_credentials_go_before_its_domains() -> None:
    own = {**DOMAIN, "SPF1": {"username": "local", "password": "Local-Pass-3!"}}
    assert given(credentials=own)["SPF1"].username == "local"
    assert given(credentials=own)["SPF2"].username == r"HYPERVNU\installer"


def test_missing_credentials() -> None:
    credentials: dict[str, Any] = {}
    assert refusal(lambda: given(credentials=credentials)) == (
        "Portal1: find out how to log on: no user name and password for Portal1 or hyper-v.nu in this stack's "
        "configuration. Set `credentials` for hyper-v.nu."
    )


def test_names_of_clusters_and_of_the_listener_are_dialled_where_the_entry_says() -> None:
    found = given(hosts={"Portal.Hyper-V.nu": {"address": "127.49.5.150"}})
    assert found.resolve("portal.hyper-v.nu") == "127.49.5.150"
    assert found.resolve("elsewhere.example") == "elsewhere.example"


def test_an_empty_entry_of_a_machine_is_no_entry() -> None:
    assert given(hosts={"SQL1": None})["SQL1"].address == "sql1.hyper-v.nu"


def test_an_unknown_machine() -> None:
    assert refusal(lambda: given()["Nobody"]) == (
        "Nobody: find out how to reach it: no such machine in this stack's configuration. Known are: FILE, Portal1, "
        "Portal2, SPF1, SPF2, SQL1, SQL2. A machine that leaves the farm stays listed until `pulumi up` has cleared it."
    )


def test_settings_are_one_canonical_text_however_they_came() -> None:
    values: dict[str, Any] = {"topology": "t.yaml", "credentials": DOMAIN, "hosts": {"a": {"address": "x"}}, "other": 1}
    as_text = {**values, "credentials": json.dumps(DOMAIN), "hosts": json.dumps(values["hosts"])}
    assert connection_settings(values.get) == connection_settings(as_text.get)
    assert "other" not in connection_settings(values.get)


def test_all_resources_of_a_process_share_one_set_of_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many ask at the same time: a second set would start every host's PowerShell twice."""
    making = threading.Event()

    def slow(*_: Any) -> Hosts:
        making.wait(0.2)  # long enough for everybody to be inside
        return Hosts({}, {}, "")

    monkeypatch.setattr(settings, "hosts", slow)
    text = connection_settings({"topology": str(TOPOLOGY_FILE), "credentials": {"only for this test": {}}}.get)
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(settings.remote(text))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len({id(remote) for remote in found}) == 1
