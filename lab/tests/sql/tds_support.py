"""What the tests of the SQL wire share: certificates, a small stand-in for the engine, ODBC connections."""

from __future__ import annotations

import ctypes
import datetime
import ipaddress
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyodbc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from lab.testing.clients import odbc_driver


def connect(address: str, **options: Any) -> pyodbc.Connection:
    """An ODBC connection with a verified certificate for sql1.test; ``options`` override or add keywords."""
    login_timeout, autocommit = options.pop("login_timeout", 5), options.pop("autocommit", True)
    return pyodbc.connect(_keywords(address, options), autocommit=autocommit, timeout=login_timeout)


def _keywords(address: str, options: dict[str, Any]) -> str:
    words = {
        "DRIVER": odbc_driver(),
        "SERVER": f"tcp:{address},{options.pop('port', 1433)}",
        "UID": "sa",
        "PWD": "right",
        "Encrypt": "yes",
        "HostNameInCertificate": "sql1.test",
        "ConnectRetryCount": 0,
        **options,
    }
    return ";".join(f"{key}={value}" for key, value in words.items())


def number_of(error: pyodbc.Error) -> int:
    """The server's error number, which the driver puts in parentheses after the message."""
    text = str(error.args[1])
    return int(text[: text.rindex(") (SQL") if ") (SQL" in text else text.rindex(")")].rsplit("(", 1)[1])


def diagnostics(address: str, statement: str = "", **options: str) -> list[tuple[str, int]]:
    """Every SQLSTATE and error number of a log-on or a statement: pyodbc tells only the first."""
    odbc = ctypes.CDLL("libodbc.so.2")
    handle, environment, connection = ctypes.c_void_p, ctypes.c_void_p(), ctypes.c_void_p()
    odbc.SQLAllocHandle(1, None, ctypes.byref(environment))
    odbc.SQLSetEnvAttr(environment, 200, handle(3), 0)
    odbc.SQLAllocHandle(2, environment, ctypes.byref(connection))
    text = _keywords(address, options).encode()
    kind, owner = 2, connection
    odbc.SQLDriverConnect(connection, None, text, len(text), None, 0, None, 0)
    if statement:
        kind, owner = 3, ctypes.c_void_p()
        odbc.SQLAllocHandle(3, connection, ctypes.byref(owner))
        odbc.SQLExecDirect(owner, statement.encode(), len(statement))
    found: list[tuple[str, int]] = []
    state, number, message = ctypes.create_string_buffer(6), ctypes.c_int(), ctypes.create_string_buffer(2000)
    length = ctypes.c_short()
    while odbc.SQLGetDiagRec(
        kind, owner, len(found) + 1, state, ctypes.byref(number), message, 2000, ctypes.byref(length)
    ) in {0, 1}:
        found.append((state.value.decode(), number.value))
    odbc.SQLDisconnect(connection)
    return found


@dataclass
class Authority:
    """A certificate authority of the tests' own. ``file`` is what clients trust."""

    directory: Path
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def __post_init__(self) -> None:
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of a test")])
        self.certificate = self._sign(self.name, self.key.public_key(), [], [], authority=True)
        self.file = self.directory / "authority.pem"
        self.file.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def _sign(
        self, name: x509.Name, key: Any, names: list[str], addresses: list[str], *, authority: bool = False
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self.name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(minutes=5))
            .not_valid_after(now + datetime.timedelta(days=2))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if not authority:
            listed = [x509.DNSName(one) for one in names]
            listed += [x509.IPAddress(ipaddress.ip_address(one)) for one in addresses]  # type: ignore[misc]
            builder = builder.add_extension(x509.SubjectAlternativeName(listed), critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def server_certificate(self, names: list[str], addresses: list[str]) -> tuple[bytes, bytes]:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        certificate = self._sign(name, key.public_key(), names, addresses)
        pem = serialization.Encoding.PEM
        private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return certificate.public_bytes(pem), private

    def context(self, *names: str) -> ssl.SSLContext:
        certificate, key = self.server_certificate(list(names), [])
        (self.directory / "server.pem").write_bytes(certificate + key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.directory / "server.pem")
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        return context
