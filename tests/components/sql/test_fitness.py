"""A server that cannot take a copy is refused before the first backup, with everything that is wrong."""

from __future__ import annotations

import pytest

from components.sql.availability_database import AvailabilityDatabaseInputs, AvailabilityDatabaseResource
from components.sql.fitness import Shortage, shortages
from components.sql.remedies import of_seed
from components.sql.seeding import File
from components.steps import load_script
from lab.testing import changes
from lab.testing.windows import disk_path
from remote.errors import MachineError
from tests.components.contract import refusal, sentences
from tests.components.sql.in_process import Servers

INPUTS = AvailabilityDatabaseInputs(database="Orders", group="SQL", machines=("SQL1", "SQL2"), share=r"\\FILE\SQLAG")
REFUSED = "SQL2: bring a copy of Orders to every replica of SQL: "


def order(servers: Servers, folder: str = "") -> None:
    where = f" ON (NAME = Orders, FILENAME = N'{folder}\\Orders.mdf')" if folder else ""
    servers.by_hand("SQL2", f"CREATE DATABASE Orders{where}; ALTER DATABASE Orders SET RECOVERY FULL")


def plan(servers: Servers) -> list[str]:
    resource = AvailabilityDatabaseResource()
    return sentences(resource.plan(INPUTS, resource.observe(INPUTS, servers)))


def changed(servers: Servers, machine: str, **values: object) -> None:
    changes.sql_server(servers.world, machine, **values)


def test_one_that_fits(servers: Servers) -> None:
    order(servers)
    assert len(plan(servers)) == 9
    changed(servers, "SQL2", build=[11, 0, 2100])
    assert len(plan(servers)) == 9, "builds of one release fit"


def test_everything_at_once(servers: Servers) -> None:
    order(servers)
    changed(servers, "SQL1", build=[10, 50, 6000], collation="Latin1_General_CS_AS")
    assert refusal(lambda: plan(servers)).startswith(
        f"{REFUSED}SQL1 has SQL Server 10.50.6000.0, older than 11.0.7001.0 of SQL2; SQL1 has the collation "
        "Latin1_General_CS_AS, SQL2 SQL_Latin1_General_CP1_CI_AS. A database does not go back to an older SQL Server"
    )


def test_a_newer_secondary_fits(servers: Servers) -> None:
    order(servers)
    changed(servers, "SQL2", build=[10, 50, 6000])
    assert len(plan(servers)) == 9


def test_a_folder_that_the_owner_chose_has_to_be_there(servers: Servers) -> None:
    disk_path(servers.world, "SQL2", "C:\\Orders").mkdir()
    order(servers, "C:\\Orders")
    reported = refusal(lambda: plan(servers))
    assert reported.startswith(
        f"{REFUSED}SQL Server on SQL1 finds no folder C:\\Orders, which the database's files are in. "
    )
    assert "Create that folder there, with full control for SQL Server's service account" in reported
    disk_path(servers.world, "SQL1", "C:\\Orders").mkdir()
    assert len(plan(servers)) == 9


def test_a_copy_needs_room(servers: Servers) -> None:
    """As much as the primary's files, before the first backup; a copy that is there already has its own."""
    order(servers)
    changes.free_space(servers.world, "SQL1", "C", 5 << 20)
    assert refusal(lambda: plan(servers)) == (
        f"{REFUSED}the copy needs on SQL1 C:\\ 5 MB, of which 5 MB are free. Make room on that volume, as much as the "
        "message says; then run `pulumi up` again."
    )
    changes.free_space(servers.world, "SQL1", "C", 6 << 20)
    assert len(plan(servers)) == 9


def test_where_each_file_is_counts() -> None:
    """Also below a folder that is a volume of its own; a share is on none."""
    files = [
        File("a", r"D:\Data\SQL\a.mdf", "ROWS", 2048),
        File("b", r"d:\b.ldf", "LOG", 1024),
        File("c", r"\\SMB\c.ndf", "ROWS", 9999),
    ]
    free = {"C:\\": 0, "D:\\": 1024, "D:\\Data\\": 2047}
    assert shortages(files, free) == (Shortage("D:\\Data\\", 2048, 2047),)


SECRET = "Secret-Word-2013!"
KEY = f"CREATE MASTER KEY ENCRYPTION BY PASSWORD = '{SECRET}'"
PRIVATE = f"WITH PRIVATE KEY (FILE = '\\\\FILE\\SQLAG\\seal.pvk', %s BY PASSWORD = '{SECRET}')"
CERTIFICATE = "CERTIFICATE Seal {} FILE = '\\\\FILE\\SQLAG\\seal.cer' "


def encrypted(servers: Servers) -> str:
    """Orders with TDE on the primary; the thumbprint of its certificate."""
    order(servers)
    servers.by_hand("SQL2", f"{KEY}; CREATE CERTIFICATE Seal WITH SUBJECT = 'Seal of the orders'")
    key = "CREATE DATABASE ENCRYPTION KEY WITH ALGORITHM = AES_256 ENCRYPTION BY SERVER CERTIFICATE Seal"
    servers.by_hand("SQL2", f"USE Orders; {key}; USE master; ALTER DATABASE Orders SET ENCRYPTION ON")
    servers.by_hand("SQL2", f"BACKUP {CERTIFICATE.format('TO')}{PRIVATE % 'ENCRYPTION'}")
    found = servers.by_hand("SQL2", "SELECT CONVERT(nvarchar(60), thumbprint, 1) AS it FROM sys.certificates")
    return str(found[0]["it"])


def test_an_encrypted_database_needs_its_certificate_on_every_replica(servers: Servers) -> None:
    """With its private key; seen before the first backup, and named."""
    thumbprint = encrypted(servers)
    servers.by_hand("SQL1", KEY)
    reported = (
        f"{REFUSED}SQL1 has not the certificate Seal (thumbprint {thumbprint}) with its private key. The database is "
        "encrypted (TDE): on the primary, BACKUP CERTIFICATE … WITH PRIVATE KEY; on every other replica, CREATE "
        "CERTIFICATE in master from those files, with the private key; then run `pulumi up` again."
    )
    assert refusal(lambda: plan(servers)) == reported
    servers.by_hand("SQL1", f"CREATE {CERTIFICATE.format('FROM')}")
    assert refusal(lambda: plan(servers)) == reported, "the certificate alone decrypts nothing"
    servers.by_hand("SQL1", f"DROP CERTIFICATE Seal; CREATE {CERTIFICATE.format('FROM')}{PRIVATE % 'DECRYPTION'}")
    assert len(plan(servers)) == 9
    servers.by_hand("SQL1", "DROP CERTIFICATE Seal")
    servers.by_hand("SQL2", "ALTER DATABASE Orders SET ENCRYPTION OFF")
    assert len(plan(servers)) == 9, "it is not encrypted any more"


def test_33111_has_its_own_remedy(servers: Servers) -> None:
    """For a certificate that goes away between the look and the restore."""
    encrypted(servers)
    here = rf"{INPUTS.share}\Orders_seed.bak"
    servers.by_hand("SQL2", f"BACKUP DATABASE Orders TO DISK = '{here}' WITH INIT")
    script = load_script("sql/restore_database.sql")
    with pytest.raises(MachineError) as caught:
        servers.sql("SQL1").run(script, "Orders", here, attempted="restore it")
    assert caught.value.number == 33111
    assert "CREATE CERTIFICATE in master" in of_seed(INPUTS.share)[33111]
