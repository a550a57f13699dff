"""Commands that Windows Server 2012 has and the lab does not: a script that asks must not get a false no.

Sources: the module lists of Windows Server 2012 in Microsoft's reference, and the contents of System32. Not complete.
"""

from __future__ import annotations

import ntpath

from lab.powershell.api import NotModelledError


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


PROGRAMS = _words(
    "arp at attrib auditpol bcdedit bitsadmin cacls certreq certutil chkdsk choice cipher clip cluster cmd cmdkey "
    "comp compact cscript csvde defrag dfsutil diskpart diskshadow dism dnscmd driverquery dsquery eventcreate "
    "expand fc find findstr finger fltmc forfiles format fsutil ftp gpresult gpupdate hostname icacls ipconfig "
    "iscsicli klist ksetup label ldifde logman logoff makecab mode more mountvol mpnotify msiexec msg mstsc "
    "nbtstat net net1 netdom netsh netstat nlb nltest nslookup openfiles pathping ping powercfg powershell print query "
    "quser reg regedit regedt32 regini regsvr32 repadmin replace robocopy route rundll32 runas sc schtasks "
    "secedit servermanagercmd setspn setx sfc shutdown slmgr sort subst systeminfo takeown taskkill tasklist "
    "telnet timeout tpmvscmgr tracert tree tskill typeperf tzutil ver verifier vssadmin w32tm waitfor wbadmin "
    "wecutil wevtutil where whoami winrm winrs winsat wlbs wmic wscript wuauclt xcopy appcmd sqlcmd bcp osql "
    "sqlservr"
)
_NOUNS = {
    "NetAdapter": "get set enable disable rename restart",
    "NetAdapterAdvancedProperty": "get set reset new remove",
    "NetAdapterBinding": "get set enable disable",
    "NetAdapterHardwareInfo": "get",
    "NetAdapterStatistics": "get",
    "NetAdapterVmq": "get set enable disable",
    "NetIPAddress": "get set new remove",
    "NetIPConfiguration": "get",
    "NetIPInterface": "get set",
    "NetRoute": "get set new remove find",
    "NetNeighbor": "get set new remove",
    "NetTCPConnection": "get",
    "NetTCPSetting": "get set",
    "NetUDPEndpoint": "get",
    "NetConnectionProfile": "get set",
    "NetLbfoTeam": "get set new remove rename",
    "NetLbfoTeamMember": "get set add remove",
    "NetLbfoTeamNic": "get set add remove",
    "DnsName": "resolve",
    "DnsClient": "get set register",
    "DnsClientCache": "get clear",
    "DnsClientServerAddress": "get set",
    "DnsClientGlobalSetting": "get set",
    "DnsServerZone": "get",
    "DnsServerResourceRecord": "get add remove set",
    "DnsServerResourceRecordA": "add",
    "Disk": "get set clear initialize update",
    "Partition": "get set new remove resize",
    "Volume": "get set format optimize repair",
    "PhysicalDisk": "get set",
    "StoragePool": "get set new remove",
    "VirtualDisk": "get set new remove",
    "ADUser": "get set new remove",
    "ADComputer": "get set new remove",
    "ADGroup": "get set new remove",
    "ADGroupMember": "get add remove",
    "ADDomain": "get set",
    "ADForest": "get set",
    "ADObject": "get set new remove",
    "ADServiceAccount": "get set new remove install test",
    "VM": "get set new remove start stop",
    "BitsTransfer": "get set start complete remove resume suspend",
    "BpaModel": "get invoke",
    "GPO": "get new remove backup restore",
    "KdsRootKey": "get add test",
    "OdbcDsn": "get set add remove",
    "OdbcDriver": "get set",
    "PrinterPort": "get add remove",
    "Printer": "get set add remove",
    "PSWorkflowSession": "new",
    "Sqlcmd": "invoke",
    "SqlAlwaysOn": "enable disable",
    "SqlAvailabilityGroup": "new set join remove switch test",
    "WindowsDriver": "get add remove export",
    "WindowsImage": "get mount",
    "WindowsOptionalFeature": "get enable disable",
    "WindowsPackage": "get add remove",
}
CMDLETS = frozenset(f"{verb}-{noun}".lower() for noun, verbs in _NOUNS.items() for verb in verbs.split())


def refuse(name: str) -> None:
    """Raise NotModelledError for a command of Windows that the lab does not have; nothing for any other name."""
    lower = name.lower()
    folder, base = ntpath.split(lower)
    if lower in CMDLETS:
        raise NotModelledError(f"the cmdlet {name}")
    system = folder in ("", "c:\\windows", "c:\\windows\\system32", "c:\\windows\\syswow64")
    if system and base.removesuffix(".exe").removesuffix(".com") in PROGRAMS:
        raise NotModelledError(f"the program {name}")
