"""SERVERPROPERTY. Unknown properties are NULL, as documented; properties that came after 2012 are unknown."""

from __future__ import annotations

from typing import Any

from lab.sql.engine.frame import Frame
from lab.sql.engine.functions.registry import function

FOLDER = r"C:\Program Files\Microsoft SQL Server\MSSQL11.MSSQLSERVER\MSSQL"
COLLATION = "SQL_Latin1_General_CP1_CI_AS"


@function("SERVERPROPERTY", "sql_variant", "nvarchar(128)")
def _serverproperty(frame: Frame, name: str) -> Any:
    instance = frame.session.instance
    computer = instance.machine.name.upper()
    return {
        "servername": computer, "machinename": computer, "instancename": None,
        "computernamephysicalnetbios": computer, "edition": "Enterprise Edition (64-bit)", "editionid": 1804890536,
        "engineedition": 3, "productversion": "11.0.3000.0", "productlevel": "SP1", "buildclrversion": "v4.0.30319",
        "isintegratedsecurityonly": int(not instance.mixed), "issingleuser": 0, "isclustered": 0,
        "ishadrenabled": 1, "hadrmanagerstatus": 1, "collation": COLLATION, "lcid": 1033, "sqlcharset": 1,
        "sqlcharsetname": "iso_1", "sqlsortorder": 52, "sqlsortordername": "nocase_iso", "comparisonstyle": 196609,
        "collationid": 872468488, "processid": instance.process_id, "isfulltextinstalled": 1, "licensetype": "DISABLED",
        "numlicenses": None, "instancedefaultdatapath": FOLDER + "\\DATA\\",
        "instancedefaultlogpath": FOLDER + "\\DATA\\",
        "filestreamsharename": "MSSQLSERVER", "filestreamconfiguredlevel": 0, "filestreameffectivelevel": 0,
        "resourceversion": "11.00.3000", "islocaldb": 0,
    }.get(name.lower())  # fmt: skip
