"""``hosts``, ``credentials``, ``authorities`` and ``certificates``: everything wrong in them, in one message."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pulumi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from components import settings
from components.connection_problems import ConfigurationError, check
from components.topology import load
from components.windows import pfx
from lab.testing.authority import Authority
from tests.components.program import ROOT, run

FILE = ROOT / "topologies" / "single-domain.yaml"
TOPOLOGY = load(FILE)
PASSWORD = "Installer-Pass-6!"
GOOD = {"hyper-v.nu": {"username": r"HYPERVNU\installer", "password": PASSWORD}}


def problems(**values: Any) -> list[str]:
    reported = ""
    try:
        check({"credentials": GOOD, **values}, TOPOLOGY)
    except ConfigurationError as error:
        reported = str(error)
    assert PASSWORD not in reported
    return reported.splitlines()


@pytest.mark.parametrize(
    "hosts",
    [
        None,
        {},
        {"portal1": {"address": "127.0.0.1", "winrmPort": "15986", "sqlPort": 11433.0, "verify": False}},
        {"SQL1": None, "PORTAL.hyper-v.nu": {"address": "portal-1.example"}},
    ],
)
def test_what_is_good(hosts: Any) -> None:
    assert problems(hosts=hosts) == []


@pytest.mark.parametrize(
    ("hosts", "problem"),
    [
        ("Portal1", "hosts: an object is expected, not a text."),
        ([{"Portal1": {}}], "hosts: an object is expected, not a list."),
        ({"Portal7": {}}, "hosts.Portal7: no machine, cluster or listener of this name in the topology. Known are: "),
        ({"SQL1": {}, "sql1": {}}, "hosts.sql1: the same name as hosts.SQL1."),
        ({"SQL1": "127.0.0.1"}, "hosts.SQL1: an object is expected, not a text. Its keys are: address, winrmPort,"),
        ({"SQL1": {"adress": "x"}}, "hosts.SQL1.adress: no such key. Known are: address, winrmPort, sqlPort, verify."),
        ({"SQL1": {"address": 7}}, "hosts.SQL1.address: a text is expected, not a number."),
        ({"SQL1": {"address": ""}}, "hosts.SQL1.address: '' is neither a name nor an IPv4 address."),
        ({"SQL1": {"address": "10.0.0.1:1433"}}, "hosts.SQL1.address: 10.0.0.1:1433 has a port. Give the port as"),
        ({"SQL1": {"address": "fe80::1%eth0"}}, "hosts.SQL1.address: fe80::1%eth0 is an IPv6 address, which"),
        ({"SQL1": {"address": "[::1]"}}, "hosts.SQL1.address: [::1] is an IPv6 address, which"),
        ({"SQL1": {"address": "sql1.hyper-v.nu."}}, "hosts.SQL1.address: sql1.hyper-v.nu. ends with a dot"),
        ({"SQL1": {"address": "https://sql1"}}, "hosts.SQL1.address: https://sql1 is a URL."),
        ({"SQL1": {"address": "10.0.0.300"}}, "hosts.SQL1.address: 10.0.0.300 is not an IPv4 address."),
        ({"SQL1": {"address": "a b"}}, "hosts.SQL1.address: 'a b' is neither a name nor an IPv4 address."),
        ({"SQL1": {"winrmPort": 0}}, "hosts.SQL1.winrmPort: a number from 1 to 65535 is expected, not 0."),
        ({"SQL1": {"sqlPort": "65536"}}, "hosts.SQL1.sqlPort: a number from 1 to 65535 is expected, not '65536'."),
        ({"SQL1": {"sqlPort": 14.5}}, "hosts.SQL1.sqlPort: a number from 1 to 65535 is expected, not 14.5."),
        ({"SQL1": {"sqlPort": True}}, "hosts.SQL1.sqlPort: a number from 1 to 65535 is expected, not true or false."),
        ({"SQL1": {"verify": "false"}}, "hosts.SQL1.verify: true or false is expected, not a text."),
        ({"portal.hyper-v.nu": {}}, "hosts.portal.hyper-v.nu: the entry has no address. Give it an `address`, or"),
        (
            {"portal.hyper-v.nu": {"address": "10.0.0.1", "winrmPort": 1}},
            "hosts.portal.hyper-v.nu.winrmPort: only a machine has it.",
        ),
        ({"SQL1": {"address": "a\x1b[2J"}}, r"hosts.SQL1.address: 'a\x1b[2J' is neither"),
    ],
)
def test_hosts(hosts: Any, problem: str) -> None:
    (found,) = problems(hosts=hosts)
    assert found.startswith(problem)


def test_a_machine_that_left_the_topology_too_early() -> None:
    (found,) = problems(hosts={"Portal7": {}})
    assert found.endswith(" A machine that leaves the farm stays in `machines` until `pulumi up` has cleared it.")


@pytest.mark.parametrize(
    ("credentials", "problem"),
    [
        ({}, "credentials.hyper-v.nu: no user name and password for Portal1, Portal2, "),
        (None, "credentials.hyper-v.nu: no user name and password for Portal1, Portal2, "),
        ({"SQL1": GOOD["hyper-v.nu"]}, "credentials.hyper-v.nu: no user name and password for Portal1, "),
        ({**GOOD, "contoso.com": {}}, "credentials.contoso.com: no domain or machine of this name in the topology."),
        ({**GOOD, "SQL1": PASSWORD}, "credentials.SQL1: an object is expected, not a text. Its keys are: username,"),
        ({**GOOD, "SQL1": {"username": "x"}}, "credentials.SQL1.password: it is missing. Set it: pulumi config set --"),
        ({"hyper-v.nu": {**GOOD["hyper-v.nu"], "user": "x"}}, "credentials.hyper-v.nu.user: no such key. Known are:"),
        ({"hyper-v.nu": {"username": "x", "password": 7}}, "credentials.hyper-v.nu.password: a text is expected, not"),
        ({"hyper-v.nu": {"username": "x", "password": f"{PASSWORD}\0"}}, "credentials.hyper-v.nu.password: it has a "),
    ],
)
def test_credentials(credentials: Any, problem: str) -> None:
    (found,) = problems(credentials=credentials)
    assert found.startswith(problem)


@pytest.mark.parametrize(
    ("password", "problem"),
    [
        ("x" * 129, "it has more than 128 characters."),
        ("\U0001f511" * 65, "it has more than 128 characters."),  # each is two of UTF-16
        (f"{PASSWORD}\0more", "it has a control character or half a character."),
        (f"{PASSWORD}\ud83d", "it has a control character or half a character."),
        ("", "it is empty."),
    ],
)
def test_passwords(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, password: str, problem: str) -> None:
    """Before any machine is asked: SQL Server would keep the beginning of a long one, and the driver ends at a NUL."""
    for key in ("sqlAdministratorPassword", "spfAccountPassword"):
        values: dict[str, Any] = {key: password}
        with pytest.raises(pulumi.RunError) as caught:
            run(tmp_path, monkeypatch, FILE, **values)
        assert str(caught.value) == f"{key}: {problem} Set another: pulumi config set --secret {key}"


def test_a_passphrase_may_be_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path, monkeypatch, FILE, passphrase="Long-1!" * 40, sqlAdministratorPassword="x" * 128)


def test_authorities(tmp_path: Path) -> None:
    certificate = x509.load_pem_x509_certificate(Authority(tmp_path).certificate.encode())
    pem = tmp_path / "ca.pem"
    assert problems(authorities=str(pem)) == []
    der, empty = tmp_path / "ca.crt", tmp_path / "empty.pem"
    der.write_bytes(certificate.public_bytes(Encoding.DER))
    empty.write_bytes(b"")
    for given, problem in (
        (["x"], "authorities: the path of a PEM file is expected, not a list."),
        (str(tmp_path / "gone.pem"), f"authorities: {tmp_path}/gone.pem cannot be read (No such file or directory)."),
        (str(tmp_path), f"authorities: {tmp_path} cannot be read (Is a directory)."),
        (str(der), f"authorities: {der} is a DER file. Convert it: openssl x509 -inform der -in {der} -out {pem}"),
        (str(empty), f"authorities: {empty} holds no certificate that can be read as PEM."),
    ):
        (found,) = problems(authorities=given)
        assert found.startswith(problem)


@pytest.mark.parametrize(
    ("certificates", "problem"),
    [
        ("portal.pfx", "certificates: an object is expected, not a text."),
        ({"portal": "portal.pfx"}, "certificates.portal: an object is expected, not a text. Its keys are: file, pass"),
        ({"portal": {}, "PORTAL": {}}, "certificates.PORTAL: the same name as certificates.portal."),
        ({"site": {}}, "certificates.site: no certificate of this name in the topology. Known are: portal."),
        ({"portal": {"file": "x", "pass": "y"}}, "certificates.portal.pass: no such key. Known are: file, password."),
        ({"portal": {"file": "x", "password": 7}}, "certificates.portal.password: a text is expected."),
    ],
)
def test_certificates(certificates: Any, problem: str) -> None:
    with pytest.raises(pfx.CertificateError) as caught:
        pfx.read_all(certificates, {"portal": ["portal.hyper-v.nu"]})
    assert any(line.startswith(problem) for line in str(caught.value).splitlines()), caught.value


def test_the_program_says_all_of_it_before_it_registers_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong: dict[str, Any] = {
        "hosts": {"SQL1": {"address": "sql1:1433"}},
        "credentials": {"hyper-v.nu": {"username": "x"}},
        "authorities": str(tmp_path),
        "certificates": {"other": {}},
    }
    with pytest.raises(pulumi.RunError) as caught:
        run(tmp_path, monkeypatch, FILE, **wrong)
    begins = [line.partition(":")[0] for line in str(caught.value).splitlines()]
    assert begins == [
        "hosts.SQL1.address",
        "credentials.hyper-v.nu.password",
        "authorities",
        "certificates.other",
        "certificates.portal",
    ]


def test_a_password_that_begins_like_an_object_is_a_text() -> None:
    values = {"topology": str(FILE), "credentials": GOOD, "sqlAdministratorPassword": '{"a": 1}'}
    text = settings.connection_settings(values.get)
    assert settings.hosts(json.loads(text), TOPOLOGY)["SQL1"].sql_password.reveal() == '{"a": 1}'
