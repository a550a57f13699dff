"""Transparent data encryption: whose certificate a restore needs."""

from __future__ import annotations

import pytest

from lab.sql.api import Session
from lab.tests.sql.engine.conftest import Servers, ok, run

SHARE = r"\\FILE\SQLAG"
SECRET = "Secret-Word-2013!"
MASTER_KEY = f"CREATE MASTER KEY ENCRYPTION BY PASSWORD = '{SECRET}'"
EXPORT = (
    f"BACKUP CERTIFICATE Seal TO FILE = '{SHARE}\\seal.cer' WITH PRIVATE KEY "
    f"(FILE = '{SHARE}\\seal.pvk', ENCRYPTION BY PASSWORD = '{SECRET}')"
)
IMPORT = EXPORT.replace("BACKUP", "CREATE").replace("TO FILE", "FROM FILE").replace("ENCRYPTION BY", "DECRYPTION BY")
KEY = "CREATE DATABASE ENCRYPTION KEY WITH ALGORITHM = AES_256 ENCRYPTION BY SERVER CERTIFICATE"
RESTORE = f"RESTORE DATABASE Vault FROM DISK = '{SHARE}\\vault.bak' WITH NORECOVERY"
STATE = "SELECT encryption_state FROM sys.dm_database_encryption_keys WHERE database_id = DB_ID('Vault')"


@pytest.fixture
def vault(servers: Servers) -> Session:
    """An encrypted database on SQL1, with a backup on the share."""
    here = servers.as_installer("SQL1")
    ok(here, f"{MASTER_KEY}; CREATE CERTIFICATE Seal WITH SUBJECT = 'Seal of the vault'; CREATE DATABASE Vault")
    ok(here, f"USE Vault; {KEY} Seal")
    ok(
        here,
        f"USE master; ALTER DATABASE Vault SET ENCRYPTION ON; BACKUP DATABASE Vault TO DISK = '{SHARE}\\vault.bak'",
    )
    return here


def test_what_a_server_shows_of_it(vault: Session) -> None:
    assert ok(vault, STATE).value == 3
    shown = ok(
        vault,
        "SELECT k.encryption_state, d.name, c.name "
        "FROM sys.dm_database_encryption_keys k JOIN sys.databases d ON d.database_id = k.database_id "
        "JOIN master.sys.certificates c ON c.thumbprint = k.encryptor_thumbprint",
    )
    assert shown.rows == [(3, "Vault", "Seal")]
    assert run(vault, "DROP CERTIFICATE Seal").numbers == [3716]
    ok(vault, "ALTER DATABASE Vault SET ENCRYPTION OFF")
    assert ok(vault, STATE).value == 1


def test_only_a_server_with_the_certificate_and_its_key_restores_it(servers: Servers, vault: Session) -> None:
    there = servers.as_installer("SQL2")
    thumbprint = ok(vault, "SELECT CONVERT(nvarchar(60), thumbprint, 1) FROM sys.certificates").value
    without = run(there, RESTORE)
    assert without.numbers == [33111, 3013]
    assert without.errors[0].message == f"Cannot find server certificate with thumbprint '{thumbprint}'."
    ok(vault, EXPORT)
    ok(there, f"{MASTER_KEY}; {IMPORT.partition(' WITH PRIVATE')[0]}")
    assert run(there, RESTORE).numbers == [33111, 3013], "the certificate alone decrypts nothing"
    ok(there, f"DROP CERTIFICATE Seal; {IMPORT}")
    ok(there, RESTORE)
    ok(there, "RESTORE DATABASE Vault")
    assert ok(there, STATE).value == 3


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("CREATE CERTIFICATE Seal WITH SUBJECT = 'again'", 15232),
        (MASTER_KEY, 15578),
        ("DROP MASTER KEY", 15580),
        ("DROP CERTIFICATE Nobody", 15151),
        (f"BACKUP CERTIFICATE Nobody TO FILE = '{SHARE}\\n.cer'", 15151),
        (f"BACKUP CERTIFICATE Seal TO FILE = '{SHARE}\\no\\n.cer'", 15240),
        (f"CREATE CERTIFICATE Other FROM FILE = '{SHARE}\\no.cer'", 15208),
        (f"CREATE CERTIFICATE Other FROM FILE = '{SHARE}\\vault.bak'", 15208),
        ("ALTER DATABASE Vault SET ENCRYPTION ON", 33107),
        ("ALTER DATABASE msdb SET ENCRYPTION ON", 33106),
        (
            "USE Vault; CREATE DATABASE ENCRYPTION KEY WITH ALGORITHM = AES_128 ENCRYPTION BY SERVER CERTIFICATE Seal",
            33103,
        ),
        ("CREATE DATABASE ENCRYPTION KEY WITH ALGORITHM = AES_128 ENCRYPTION BY SERVER CERTIFICATE Seal", 33102),
    ],
)
def test_errors(vault: Session, text: str, number: int) -> None:
    assert run(vault, text).numbers == [number]


def test_errors_of_another_server(servers: Servers, vault: Session) -> None:
    there = servers.as_installer("SQL2")
    ok(vault, EXPORT)
    assert run(vault, EXPORT).numbers == [15240], "it overwrites nothing"
    assert run(there, IMPORT).numbers == [15581]
    ok(there, MASTER_KEY)
    assert run(there, IMPORT.replace(SECRET, "Another-1!")).numbers == [15465]
    ok(there, f"CREATE DATABASE Other; {IMPORT.partition(' WITH PRIVATE')[0]}")
    assert run(there, f"USE Other; {KEY} Seal").numbers == [33101]
    assert run(there, f"USE Other; {KEY} Nobody").numbers == [15151]


def test_a_restore_needs_room(servers: Servers, vault: Session) -> None:
    """As much as the files take, beyond those that it replaces."""
    ok(vault, f"CREATE DATABASE Big; BACKUP DATABASE Big TO DISK = '{SHARE}\\big.bak'")
    there = servers.as_installer("SQL2")
    restore = f"RESTORE DATABASE Big FROM DISK = '{SHARE}\\big.bak' WITH NORECOVERY, REPLACE"
    volume = servers.machine("SQL2").collection("volume")
    volume.change("C", free=650 * 8192 - 1)
    short = run(there, restore)
    assert short.numbers == [3257, 3119, 3013]
    assert "disk volume 'C:\\'" in short.errors[0].message
    assert "requires 5324800 additional free bytes, while only 5324799" in short.errors[0].message
    volume.change("C", free=650 * 8192)
    ok(there, restore)
    volume.change("C", free=0)
    ok(there, restore)
