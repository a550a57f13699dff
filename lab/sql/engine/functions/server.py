"""SERVERPROPERTY. Unknown properties are NULL, as documented; properties that came after 2012 are unknown.

The instance's document (``machine.collection("sql-instance")``) may say which edition was installed (``edition``). Only
the properties follow it: features are not taken away from other editions.
"""

from __future__ import annotations

from typing import Any

from lab.sql.engine.frame import Frame
from lab.sql.engine.functions.registry import function

COLLATION = "SQL_Latin1_General_CP1_CI_AS"


ENTERPRISE = "Enterprise Edition (64-bit)"
_ENGINE = {"Enterprise": 3, "Developer": 3, "Enterprise Evaluation": 3, "Express": 4}
"""EngineEdition by the edition's name; all others (Standard, Business Intelligence, Web) have 2."""


@function("SERVERPROPERTY", "sql_variant", "nvarchar(128)")
def _serverproperty(frame: Frame, name: str) -> Any:
    instance = frame.session.instance
    computer = instance.machine.name.upper()
    installation = instance.installation
    installed = installation.document
    edition, hadr = str(installed.get("edition", ENTERPRISE)), int(instance.hadr)
    return {
        "servername": instance.server_name, "machinename": computer,
        "instancename": None if installation.default else installation.instance.upper(),
        "computernamephysicalnetbios": computer, "edition": edition, "editionid": 1804890536,
        "engineedition": _ENGINE.get(edition.partition(" Edition")[0], 2),
        "productversion": ".".join(map(str, (*installation.build, 0))), "productlevel": installation.level,
        "buildclrversion": "v4.0.30319",
        "isintegratedsecurityonly": int(not instance.mixed), "issingleuser": 0, "isclustered": 0,
        "ishadrenabled": hadr, "hadrmanagerstatus": hadr,
        "collation": installed.get("collation", COLLATION), "lcid": 1033, "sqlcharset": 1,
        "sqlcharsetname": "iso_1", "sqlsortorder": 52, "sqlsortordername": "nocase_iso", "comparisonstyle": 196609,
        "collationid": 872468488, "processid": instance.process_id, "isfulltextinstalled": 1, "licensetype": "DISABLED",
        "numlicenses": None, "instancedefaultdatapath": installation.folder + "\\DATA\\",
        "instancedefaultlogpath": installation.folder + "\\DATA\\",
        "filestreamsharename": installation.instance, "filestreamconfiguredlevel": 0, "filestreameffectivelevel": 0,
        "resourceversion": f"11.00.{installation.build[2]}", "islocaldb": 0,
    }.get(name.lower())  # fmt: skip
