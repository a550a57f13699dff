"""Endpoints as other administrators leave them, on the lab's engine: by certificate, and with a port that is taken."""

from __future__ import annotations

from components.sql.endpoint import MirroringEndpointInputs, MirroringEndpointResource, PartnerInputs
from lab.testing import changes
from tests.components.contract import refusal, sentences
from tests.components.sql.in_process import Servers

SECRET = "Secret-Word-2013!"
RESOURCE = MirroringEndpointResource()
CONNECTED = """SELECT s.connected_state_desc AS state, s.last_connect_error_description AS error
    FROM sys.dm_hadr_availability_replica_states s WHERE s.is_local = 0"""
BY_CERTIFICATE = "ALTER ENDPOINT [Hadr_endpoint] FOR DATABASE_MIRRORING (AUTHENTICATION = CERTIFICATE Mine)"


def inputs(machine: str, port: int = 5022) -> MirroringEndpointInputs:
    other = {"SQL1": "SQL2", "SQL2": "SQL1"}[machine]
    partner = PartnerInputs(machine=other, computer=rf"HYPERVNU\{other}$")
    return MirroringEndpointInputs(machine=machine, port=port, partners=(partner,))


def plan(servers: Servers, machine: str, port: int = 5022) -> list[str]:
    wanted = inputs(machine, port)
    return sentences(RESOURCE.plan(wanted, RESOURCE.observe(wanted, servers)))


def certify(servers: Servers, machine: str) -> None:
    servers.by_hand(machine, f"CREATE MASTER KEY ENCRYPTION BY PASSWORD = '{SECRET}'")
    servers.by_hand(machine, f"CREATE CERTIFICATE Mine WITH SUBJECT = 'Endpoint of {machine}'")
    servers.by_hand(machine, rf"BACKUP CERTIFICATE Mine TO FILE = '\\FILE\SQLAG\{machine}.cer'")


def connected(servers: Servers) -> tuple[str, str]:
    (row,) = servers.by_hand("SQL2", CONNECTED)
    return row["state"], row["error"] or ""


def test_one_by_certificate_beside_one_by_windows(servers: Servers) -> None:
    assert (plan(servers, "SQL1"), connected(servers)[0]) == ([], "CONNECTED")
    certify(servers, "SQL1")
    servers.by_hand("SQL1", BY_CERTIFICATE)
    assert connected(servers)[0] == "DISCONNECTED"
    for machine, (there, how), own in (
        ("SQL2", ("SQL1", "CERTIFICATE"), "NEGOTIATE"),
        ("SQL1", ("SQL2", "NEGOTIATE"), "CERTIFICATE"),
    ):
        assert refusal(lambda machine=machine: plan(servers, machine)).startswith(  # type: ignore[misc]
            f"{machine}: make the endpoint of {machine} for availability groups: the endpoint of {there} authenticates "
            f"by {how}, the one here by {own}: they have no way in common. Let the endpoints of all replicas"
        )
    servers.by_hand("SQL2", "DROP ENDPOINT [Hadr_endpoint]")
    assert "the one here by NEGOTIATE" in refusal(lambda: plan(servers, "SQL2")), "no endpoint is created in vain"
    # Both ways on one side are a way in common.
    servers.by_hand("SQL1", f"{BY_CERTIFICATE.removesuffix(')')} WINDOWS)")
    assert plan(servers, "SQL2")[0] == "On SQL2, create the endpoint Hadr_endpoint on port 5022."


def test_all_by_certificate_stay_so(servers: Servers) -> None:
    for machine in ("SQL1", "SQL2"):
        certify(servers, machine)
        servers.by_hand(machine, BY_CERTIFICATE)
    assert connected(servers)[0] == "DISCONNECTED", "neither has the other's certificate"
    for machine, other in (("SQL1", "SQL2"), ("SQL2", "SQL1")):
        servers.by_hand(machine, rf"CREATE CERTIFICATE Theirs FROM FILE = '\\FILE\SQLAG\{other}.cer'")
    assert connected(servers)[0] == "CONNECTED"
    for machine in ("SQL1", "SQL2"):
        assert plan(servers, machine) == []
    shown = "SELECT connection_auth_desc AS way, certificate_id AS id FROM sys.database_mirroring_endpoints"
    (row,) = servers.by_hand("SQL1", shown)
    assert row["way"] == "CERTIFICATE"
    assert row["id"] > 0


def test_a_port_that_another_program_has(servers: Servers) -> None:
    changes.listener(servers.world, "SQL1", 5022)
    assert connected(servers)[0] == "DISCONNECTED"
    assert plan(servers, "SQL1") == [], "whose socket it is, Windows does not say"
    servers.by_hand("SQL1", "DROP ENDPOINT [Hadr_endpoint]")
    assert refusal(lambda: plan(servers, "SQL1")) == (
        "SQL1: make the endpoint of SQL1 for availability groups: another program listens on TCP 5022. Find it "
        "(`netstat -aon`, then the process of that number) and end it, or declare another port for the replica "
        "(`endpoint_port` in the topology); then run `pulumi up` again."
    )
    changes.listener(servers.world, "SQL2", 5099)
    assert "another program listens on TCP 5099" in refusal(lambda: plan(servers, "SQL2", 5099))
    assert plan(servers, "SQL2", 5098) == ["On SQL2, move the endpoint Hadr_endpoint to port 5098."]
