"""The server's side of NTLM against pyspnego's client: what it proves, and what it refuses."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import spnego
from spnego.channel_bindings import GssChannelBindings

from lab.winrm.ntlm import Acceptor, NtlmError
from lab.world import Identity, Machine
from tests.lab.farm import small_world

PASSWORD = "Lab-Installer-2013!"


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    world = small_world(tmp_path)
    yield world.machine("SQL1")
    world.close()


def bindings(der: bytes) -> GssChannelBindings:
    return GssChannelBindings(application_data=b"tls-server-end-point:" + hashlib.sha256(der).digest())


def log_on(
    machine: Machine, certificate: bytes | None, seen: GssChannelBindings | None, spoil: int = -1
) -> Identity | None:
    options: dict[str, Any] = {"protocol": "ntlm", "options": spnego.NegotiateOptions.use_ntlm}
    client = spnego.client("HYPERVNU\\installer", PASSWORD, channel_bindings=seen, **options)
    server = Acceptor(machine, certificate)
    challenge = server.challenge(client.step() or b"")
    answer = bytearray(client.step(challenge) or b"")
    if spoil >= 0:
        answer[spoil] ^= 1
    return server.authenticate(bytes(answer))


def test_channel_bindings(machine: Machine) -> None:
    ours, theirs = (
        ssl.PEM_cert_to_DER_cert(machine.world.authority.server_certificate([name]).certificate) for name in ("a", "b")
    )
    assert log_on(machine, ours, bindings(ours))
    assert log_on(machine, ours, None)  # the client sends none: accepted, the hardening level is Relaxed
    assert log_on(machine, ours, bindings(theirs)) is None


def test_a_changed_message_is_noticed(machine: Machine) -> None:
    assert log_on(machine, None, None)
    assert log_on(machine, None, None, spoil=60) is None  # negotiated flags: only the integrity code covers them


def test_the_challenge_names_the_machine(machine: Machine) -> None:
    client = spnego.client("a", "b", protocol="ntlm", options=spnego.NegotiateOptions.use_ntlm)
    challenge = Acceptor(machine, None).challenge(client.step() or b"")
    for name in ("SQL1", "HYPERVNU", "sql1.hyper-v.nu", "hyper-v.nu"):
        assert name.encode("utf-16-le") in challenge


def test_what_is_no_ntlm(machine: Machine) -> None:
    with pytest.raises(NtlmError):
        Acceptor(machine, None).challenge(b"\x60\x48\x06\x06+\x06\x01\x05\x05\x02")  # SPNEGO
    with pytest.raises(NtlmError):
        Acceptor(machine, None).authenticate(b"NTLMSSP\0\x03\0\0\0")  # nothing was asked


def test_a_challenge_is_good_for_one_answer(machine: Machine) -> None:
    client = spnego.client("HYPERVNU\\installer", PASSWORD, protocol="ntlm", options=spnego.NegotiateOptions.use_ntlm)
    server = Acceptor(machine, None)
    answer = client.step(server.challenge(client.step() or b"")) or b""
    assert server.authenticate(answer)
    with pytest.raises(NtlmError):
        server.authenticate(answer)
