"""The server's side of NTLMv2 over HTTP, with the accounts of the machine and its domain (MS-NLMP).

pyspnego packs the messages and computes the responses. Its own acceptor is not used: it reads accounts from one file
for the whole process, while every machine of the lab has its own, and they change.

The client's proof, its message integrity code and its channel binding (when it sends one: Windows' default hardening
level is Relaxed) are all checked. Not modelled: NTLMv1 and LM responses, which Windows Server 2012 would still accept,
and Kerberos.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from spnego._ntlm_raw.crypto import compute_response_v2, hmac_md5, ntowfv1, ntowfv2, rc4k
from spnego._ntlm_raw.messages import (
    Authenticate,
    AvFlags,
    AvId,
    Challenge,
    FileTime,
    Negotiate,
    NegotiateFlags,
    NTClientChallengeV2,
    TargetInfo,
    Version,
)
from spnego.channel_bindings import GssChannelBindings

from lab import identity

if TYPE_CHECKING:
    from lab.world import Identity, Machine

SIGNATURE = b"NTLMSSP\0"
_NEGOTIATE, _AUTHENTICATE = 1, 3
_NTLM1_LENGTH = 24


class NtlmError(Exception):
    """The token is no NTLM message, or not one that comes next."""


class Acceptor:
    """One authentication on one connection: ``challenge`` first, then ``authenticate``."""

    def __init__(self, machine: Machine, certificate_der: bytes | None) -> None:
        self._machine = machine
        self._negotiate = b""
        self._challenge: Challenge | None = None
        self._bindings = None
        if certificate_der is not None:
            end_point = b"tls-server-end-point:" + hashlib.sha256(certificate_der).digest()
            bindings = GssChannelBindings(application_data=end_point)
            self._bindings = hashlib.md5(bindings.pack()).digest()  # noqa: S324 - as MS-NLMP 2.2.2.1 demands

    def challenge(self, token: bytes) -> bytes:
        """The CHALLENGE message for the client's NEGOTIATE message."""
        if _kind(token) != _NEGOTIATE:
            raise NtlmError("an NTLM NEGOTIATE message comes first")
        flags = Negotiate.unpack(token).flags | (
            NegotiateFlags.request_target
            | NegotiateFlags.ntlm
            | NegotiateFlags.always_sign
            | NegotiateFlags.target_info
            | NegotiateFlags.target_type_domain
            | NegotiateFlags.version
        )
        if not flags & NegotiateFlags.unicode:
            raise NtlmError("clients without Unicode are not modelled")
        flags &= ~NegotiateFlags.oem
        if flags & NegotiateFlags.extended_session_security:
            flags &= ~NegotiateFlags.lm_key
        machine = self._machine
        target = TargetInfo()
        target[AvId.nb_domain_name] = machine.netbios
        target[AvId.nb_computer_name] = machine.name.upper()
        target[AvId.dns_domain_name] = machine.domain
        target[AvId.dns_computer_name] = machine.fqdn
        target[AvId.timestamp] = FileTime.now()
        # 6.2.9200 is Windows Server 2012.
        challenge = Challenge(
            flags,
            os.urandom(8),
            target_name=machine.netbios,
            target_info=target,
            version=Version(6, 2, 9200),
        )
        self._negotiate, self._challenge = token, challenge
        return bytes(challenge.pack())

    def authenticate(self, token: bytes) -> Identity | None:
        """Who the AUTHENTICATE message proves to be; None when it proves nothing. Failures are counted."""
        if self._challenge is None or _kind(token) != _AUTHENTICATE:
            raise NtlmError("an NTLM AUTHENTICATE message answers a challenge")
        challenge, self._challenge = self._challenge, None  # a challenge is good for one answer
        message = Authenticate.unpack(token)
        response = message.nt_challenge_response
        if not message.user_name or not response or len(response) <= _NTLM1_LENGTH:
            return None  # anonymous, or NTLMv1
        machine = self._machine
        user = f"{message.domain_name}\\{message.user_name}" if message.domain_name else message.user_name
        account = identity.find(machine.world, machine, user)
        if account is None:
            return None
        password = identity.password_of(machine.world, account)
        correct = password is not None and self._proves(message, message.user_name, challenge, password)
        return identity.logged_on(machine.world, machine, account, correct=correct)

    def _proves(self, message: Authenticate, user: str, challenge: Challenge, password: str) -> bool:
        key = ntowfv2(user, ntowfv1(password), message.domain_name)
        response = message.nt_challenge_response or b""
        client = NTClientChallengeV2.unpack(response[16:])
        expected, _, session = compute_response_v2(
            key, challenge.server_challenge, client.challenge_from_client, client.time_stamp, client.av_pairs
        )
        if response != expected:
            return False
        sent = client.av_pairs.get(AvId.channel_bindings, b"")
        if self._bindings is not None and any(sent) and sent != self._bindings:
            return False  # another machine is between the client and this server
        if not client.av_pairs.get(AvId.flags, 0) & AvFlags.mic:
            return True
        if message.flags & NegotiateFlags.key_exch and message.encrypted_random_session_key:
            session = rc4k(session, message.encrypted_random_session_key)
        claimed = message.mic
        message.mic = b"\0" * 16
        return bool(claimed == hmac_md5(session, self._negotiate + bytes(challenge.pack()) + bytes(message.pack())))


def _kind(token: bytes) -> int:
    if not token.startswith(SIGNATURE) or len(token) < len(SIGNATURE) + 4:
        raise NtlmError("not an NTLM message (Kerberos and SPNEGO are not modelled)")
    return int.from_bytes(token[8:12], "little")
