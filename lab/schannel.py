"""What Schannel of Windows Server 2012 offers as a server of TLS: for WinRM, HTTP.sys and SQL Server alike.

TLS 1.3 came with Windows Server 2022. The cipher suites are those of Microsoft's page "TLS Cipher Suites in Windows 8"
(Server 2012 with the update 3042058) for certificates with an RSA key; the ones with DHE are left out, since their
1024-bit parameters are refused by every current client. The order is the server's.
"""

from __future__ import annotations

import os
import ssl
import tempfile
import warnings

SUITES = (
    "ECDHE-RSA-AES256-SHA384",
    "ECDHE-RSA-AES128-SHA256",
    "ECDHE-RSA-AES256-SHA",
    "ECDHE-RSA-AES128-SHA",
    "AES256-GCM-SHA384",
    "AES128-GCM-SHA256",
    "AES256-SHA256",
    "AES128-SHA256",
    "AES256-SHA",
    "AES128-SHA",
)
_EVERYTHING = ":@SECLEVEL=0"
"""OpenSSL serves short keys, SHA-1 and TLS 1.0 only when it is told that this is meant."""


def server_context(certificate: str = "", key: str = "", *, tls12: bool = True) -> ssl.SSLContext:
    """A server with a certificate (PEM) and its key; without one, the certificate is chosen at the handshake.

    ``tls12`` off: a service that speaks nothing newer than TLS 1.0, as SQL Server 2012 before its update for TLS 1.2.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(":".join(SUITES) + _EVERYTHING)
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python's, about what an old Windows offers
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_2 if tls12 else ssl.TLSVersion.TLSv1
    if certificate:
        descriptor, path = tempfile.mkstemp(suffix=".pem")  # ssl reads keys from files only; readable by the owner
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(f"{certificate}\n{key}")
            context.load_cert_chain(path)
        finally:
            os.unlink(path)
    return context
