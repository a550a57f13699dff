"""Passphrase, generated passwords, machine keys and tokens.

How the real product derives its key from the passphrase and signs its tokens is not published. What holds here as
there: without the passphrase nothing of the store can be read, and nodes that joined with it accept each other's
tokens.
"""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import hmac
import json
import os
import secrets
import string
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


class WrongPassphraseError(Exception):
    """A protected value could not be opened with this passphrase or key."""


def complex_enough(passphrase: str) -> bool:
    """More than eight characters, at least one of them neither letter nor digit (the stricter of the two pages)."""
    return len(passphrase) > 8 and any(not character.isalnum() for character in passphrase)


@functools.lru_cache(maxsize=64)
def _key(secret: str, salt: bytes) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", secret.encode(), salt, 10_000, 32)


_SALT = b"MgmtSvc"
"""One salt for all: the key is derived once per process instead of once per value. The lab protects nothing."""


def protect(text: str, secret: str) -> str:
    """Encrypt with a key derived from a passphrase or machine key; every call gives another text."""
    nonce = os.urandom(12)
    return base64.b64encode(nonce + AESGCM(_key(secret, _SALT)).encrypt(nonce, text.encode(), None)).decode()


def unprotect(text: str, secret: str) -> str:
    """The opposite of ``protect``. Raises WrongPassphraseError."""
    try:
        data = base64.b64decode(text, validate=True)
        return AESGCM(_key(secret, _SALT)).decrypt(data[:12], data[12:], None).decode()
    except (InvalidTag, binascii.Error, ValueError) as error:
        raise WrongPassphraseError from error


def new_password(length: int = 32) -> str:
    """A random password with characters of every kind, as New-MgmtSvcPassword gives (default 32 characters)."""
    kinds = (string.ascii_lowercase, string.ascii_uppercase, string.digits, "!@#$%^&*()-_=+")
    characters = [secrets.choice(kind) for kind in kinds[:length]]
    characters += [secrets.choice("".join(kinds)) for _ in range(length - len(characters))]
    secrets.SystemRandom().shuffle(characters)
    return "".join(characters)


def new_key(size: int = 32) -> str:
    """A machine key: upper-case hexadecimal text of so many bytes."""
    return secrets.token_hex(size).upper()


def _part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def sign(claims: dict[str, Any], key: str) -> str:
    """A JSON web token (HS256)."""
    head = _part(json.dumps({"typ": "JWT", "alg": "HS256"}).encode()) + "." + _part(json.dumps(claims).encode())
    return head + "." + _part(hmac.new(key.encode(), head.encode(), "sha256").digest())


def verify(token: str, key: str, now: float) -> dict[str, Any] | None:
    """The claims of a token that this key signed and that has not expired, else None."""
    head, _, signature = token.rpartition(".")
    try:
        expected = hmac.new(key.encode(), head.encode(), "sha256").digest()
        if not hmac.compare_digest(_bytes(signature), expected):
            return None
        claims: dict[str, Any] = json.loads(_bytes(head.split(".")[1]))
    except (ValueError, IndexError, binascii.Error):
        return None
    return claims if float(claims.get("exp", 0)) > now else None
