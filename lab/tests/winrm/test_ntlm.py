"""The server's side of NTLM against pyspnego's client: what it proves, and what it refuses."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import spnego
from spnego._ntlm_raw.crypto import compute_response_v2, ntowfv1, ntowfv2
from spnego._ntlm_raw.messages import Authenticate, Challenge, FileTime, Negotiate, NegotiateFlags
from spnego.channel_bindings import GssChannelBindings

from lab.tests.worlds import small_world
from lab.winrm.ntlm import Acceptor, NtlmError
from lab.world import Identity, Machine

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


@pytest.mark.parametrize(("password", "accepted"), [(PASSWORD, True), ("wrong", False)])
def test_a_client_without_integrity_code_needs_the_password_too(
    machine: Machine, password: str, accepted: bool
) -> None:
    server = Acceptor(machine, None)
    asked = Challenge.unpack(server.challenge(Negotiate(NegotiateFlags.unicode | NegotiateFlags.ntlm).pack()))
    assert asked.target_info is not None
    key = ntowfv2("installer", ntowfv1(password), "HYPERVNU")
    response, _, _ = compute_response_v2(key, asked.server_challenge, b"12345678", FileTime.now(), asked.target_info)
    answer = Authenticate(asked.flags, None, response, "HYPERVNU", "installer").pack()
    assert (server.authenticate(answer) is not None) is accepted
    assert machine.world.collection("hyper-v.nu", "account")["installer"]["failed_logons"] == (not accepted)


def test_a_changed_message_is_noticed(machine: Machine) -> None:
    assert log_on(machine, None, None)
    assert log_on(machine, None, None, spoil=62) is None  # a negotiated flag: only the integrity code covers it


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
