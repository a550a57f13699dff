"""Password hashes of SQL Server: 0x0200, four bytes of salt, SHA-512 of the UTF-16 password and the salt.

Up to SQL Server 2008 R2 it was 0x0100 and SHA-1; such hashes still open a login. Source: the documentation of
PWDENCRYPT and of LOGINPROPERTY, and the layout published for both versions.
"""

from __future__ import annotations

import hashlib
import hmac
import os

VERSION_2012, VERSION_2000 = b"\x02\x00", b"\x01\x00"


def hash_password(password: str, salt: bytes | None = None) -> bytes:
    salt = os.urandom(4) if salt is None else salt
    return VERSION_2012 + salt + hashlib.sha512(password.encode("utf-16-le") + salt).digest()


def is_hash(value: bytes) -> bool:
    """Has it the form of a hash that SQL Server 2012 takes?"""
    return (value[:2] == VERSION_2012 and len(value) == 70) or (value[:2] == VERSION_2000 and len(value) in (26, 46))


def verify(password: str, stored: bytes) -> bool:
    if not is_hash(stored):
        return False
    salt, digest = stored[2:6], stored[6:]
    data = password.encode("utf-16-le") + salt
    if stored[:2] == VERSION_2012:
        return hmac.compare_digest(hashlib.sha512(data).digest(), digest)
    return hmac.compare_digest(hashlib.sha1(data).digest(), digest[:20])  # noqa: S324 - the format of older servers


def complexity_error(password: str, login: str) -> int | None:
    """15116 (too short) or 15118 (not complex) under the Windows policy: eight characters of three of four classes,
    not the login's name in it; None when it passes."""
    if len(password) < 8:
        return 15116
    classes = (str.isupper, str.islower, str.isdigit, lambda c: not c.isalnum())
    if sum(any(test(c) for c in password) for test in classes) < 3:
        return 15118
    if len(login) > 2 and login.lower() in password.lower():
        return 15118
    return None
