"""One HTTPS request, against a small server with certificates of a test authority."""

from __future__ import annotations

import contextlib
import http.server
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from remote.http import HttpError, RefusedAccountError, get
from remote.secret import Secret

ADDRESS, NAME = "127.49.5.1", "portal.hyper-v.nu"


class _Handler(http.server.BaseHTTPRequestHandler):
    refused: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        if self.path == "/endless":
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(OSError):  # the client hangs up
                while True:
                    self.wfile.write(b"x" * 65536)
            return
        if self.path == "/closed":
            self.refused.append(self.headers["Authorization"])
        body = f"{self.headers['Host']} {self.headers.get('Authorization', '-')}".encode()
        self.send_response({"/moved": 302, "/broken": 500, "/closed": 401}.get(self.path, 200))
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Location", "https://elsewhere.example/")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module", name="site")
def started_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, str, bytes]]:
    """Port, file of the authority, and the server's certificate."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)]))
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    file = Path(folder, "all.pem")
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + pem)
    authority = Path(folder, "authority.pem")
    authority.write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    server = http.server.ThreadingHTTPServer((ADDRESS, 0), _Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port, str(authority), certificate.public_bytes(serialization.Encoding.DER)
    server.shutdown()
    server.server_close()


def test_an_answer_with_the_certificate(site: tuple[int, str, bytes]) -> None:
    port, authority, certificate = site
    answer = get(ADDRESS, port, NAME, authorities=authority)
    assert (answer.status, answer.certificate) == (200, certificate)
    assert answer.body.decode() == f"{NAME}:{port} -"


def test_no_redirect_is_followed_and_a_bad_status_is_an_answer(site: tuple[int, str, bytes]) -> None:
    port, authority, _ = site
    moved = get(ADDRESS, port, NAME, "/moved", authorities=authority)
    assert (moved.status, moved.location) == (302, "https://elsewhere.example/")
    broken = get(ADDRESS, port, NAME, "/broken", authorities=authority)
    assert (broken.status, broken.location) == (500, "")


def test_the_account_goes_as_basic_authentication(site: tuple[int, str, bytes]) -> None:
    port, authority, _ = site
    answer = get(ADDRESS, port, NAME, authorities=authority, account=("user", Secret("Basic-Pass-1!")))
    assert answer.body.endswith(b"Basic dXNlcjpCYXNpYy1QYXNzLTEh")


def test_another_name_is_refused(site: tuple[int, str, bytes]) -> None:
    port, authority, _ = site
    with pytest.raises(HttpError) as caught:
        get(ADDRESS, port, "spf.hyper-v.nu", authorities=authority)
    assert str(caught.value).startswith(
        f"the certificate of spf.hyper-v.nu at {ADDRESS}:{port} is not trusted (Hostname mismatch"
    )


def test_an_untrusted_certificate_is_refused_unless_asked_for(site: tuple[int, str, bytes]) -> None:
    port, _, certificate = site
    with pytest.raises(HttpError) as caught:
        get(ADDRESS, port, NAME)
    assert str(caught.value).startswith(
        f"the certificate of {NAME} at {ADDRESS}:{port} is not trusted (self-signed certificate)"
    )
    answer = get(ADDRESS, port, "any.example", verify=False)
    assert (answer.status, answer.certificate) == (200, certificate)


def test_nothing_listens() -> None:
    with pytest.raises(HttpError, match="Connection refused"):
        get("127.49.5.2", 9, NAME)


def test_a_refused_account_is_not_sent_to_the_same_address_again(site: tuple[int, str, bytes]) -> None:
    port, authority, _ = site

    def fetch(user: str = "user", path: str = "/closed") -> int:
        return get(ADDRESS, port, NAME, path, authorities=authority, account=(user, Secret("Wrong-1!"))).status

    assert fetch() == 401
    for path in ("/closed", "/"):
        with pytest.raises(RefusedAccountError, match=r"HTTP 401 for user from [\d.:]+ before; it is not tried again"):
            fetch(path=path)
    assert fetch("other") == 401
    assert len(_Handler.refused) == 2
    assert get(ADDRESS, port, NAME, "/", authorities=authority).status == 200, "without an account nothing is refused"


def test_an_account_that_a_server_refused_is_not_sent_to_its_common_name(site: tuple[int, str, bytes]) -> None:
    port, authority, _ = site
    how: dict[str, Any] = {"authorities": authority, "account": ("common", Secret("Wrong-1!"))}
    assert get(ADDRESS, port, NAME, "/closed", **how).status == 401
    with pytest.raises(RefusedAccountError, match=rf"^HTTP 401 for common from {ADDRESS}:{port} before;"):
        get("127.49.5.2", 9, NAME, leads_to=frozenset({f"{ADDRESS}:{port}", "other:1"}), **how)


def test_an_endless_answer_ends(site: tuple[int, str, bytes]) -> None:
    port, authority, _ = site
    with pytest.raises(HttpError, match=r"^the answer does not end \(after \d+ bytes\)$"):
        get(ADDRESS, port, NAME, "/endless", authorities=authority)


def test_the_shells_proxies_and_authorities_change_nothing(
    site: tuple[int, str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, authority, _ = site
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.49.5.9:9")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    assert get(ADDRESS, port, NAME, authorities=authority).status == 200
