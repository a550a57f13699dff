"""From a command's name to what runs: alias, function, cmdlet, console program, in this order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lab.powershell import core, elsewhere, table
from lab.powershell.api import AVAILABLE, CMDLETS, DRIVES, PROGRAMS, NotModelledError, PowerShellError, Session
from lab.powershell.arguments import Given
from lab.powershell.interpreter import Interpreter
from lab.powershell.pipeline import Stage
from lab.powershell.stages import CmdletStage, ProgramStage
from lab.powershell.values import NOTHING

ALIASES = dict(
    pair.split("=")
    for pair in [
        "%=ForEach-Object",
        "?=Where-Object",
        "foreach=ForEach-Object",
        "where=Where-Object",
        "select=Select-Object",
        "sort=Sort-Object",
        "group=Group-Object",
        "measure=Measure-Object",
        "compare=Compare-Object",
        "diff=Compare-Object",
        "tee=Tee-Object",
        "gm=Get-Member",
        "echo=Write-Output",
        "write=Write-Output",
        "sleep=Start-Sleep",
        "gci=Get-ChildItem",
        "ls=Get-ChildItem",
        "dir=Get-ChildItem",
        "gi=Get-Item",
        "gp=Get-ItemProperty",
        "sp=Set-ItemProperty",
        "gc=Get-Content",
        "cat=Get-Content",
        "type=Get-Content",
        "sc=Set-Content",
        "ac=Add-Content",
        "ni=New-Item",
        "ri=Remove-Item",
        "rm=Remove-Item",
        "del=Remove-Item",
        "erase=Remove-Item",
        "rd=Remove-Item",
        "rmdir=Remove-Item",
        "rp=Remove-ItemProperty",
        "cp=Copy-Item",
        "copy=Copy-Item",
        "cpi=Copy-Item",
        "mv=Move-Item",
        "move=Move-Item",
        "mi=Move-Item",
        "ren=Rename-Item",
        "rni=Rename-Item",
        "rvpa=Resolve-Path",
        "cd=Set-Location",
        "chdir=Set-Location",
        "sl=Set-Location",
        "pwd=Get-Location",
        "gl=Get-Location",
        "pushd=Push-Location",
        "popd=Pop-Location",
        "gv=Get-Variable",
        "sv=Set-Variable",
        "set=Set-Variable",
        "nv=New-Variable",
        "rv=Remove-Variable",
        "gcm=Get-Command",
        "gmo=Get-Module",
        "ipmo=Import-Module",
        "rmo=Remove-Module",
        "iex=Invoke-Expression",
        "icm=Invoke-Command",
        "gsv=Get-Service",
        "sasv=Start-Service",
        "spsv=Stop-Service",
        "gps=Get-Process",
        "ps=Get-Process",
        "spps=Stop-Process",
        "kill=Stop-Process",
        "saps=Start-Process",
        "start=Start-Process",
        "gwmi=Get-WmiObject",
        "iwmi=Invoke-WmiMethod",
        "gcim=Get-CimInstance",
        "icim=Invoke-CimMethod",
        "iwr=Invoke-WebRequest",
        "irm=Invoke-RestMethod",
        "ft=Format-Table",
        "fl=Format-List",
        "fw=Format-Wide",
        "oh=Out-Host",
        "ogv=Out-GridView",
        "gal=Get-Alias",
        "sal=Set-Alias",
        "nal=New-Alias",
        "epcsv=Export-Csv",
        "ipcsv=Import-Csv",
        "sls=Select-String",
        "gu=Get-Unique",
        "clc=Clear-Content",
        "gjb=Get-Job",
        "sajb=Start-Job",
        "rcjb=Receive-Job",
        "wjb=Wait-Job",
        "nsn=New-PSSession",
        "gsn=Get-PSSession",
    ]
)


def available(session: Session, name: str) -> bool:
    """Whether the module of a cmdlet of the table is installed on this machine."""
    return all(is_installed(session, name) for is_installed in AVAILABLE)


def not_found(name: str) -> PowerShellError:
    return PowerShellError(
        f"The term '{name}' is not recognized as the name of a cmdlet, function, script file, or operable "
        f"program. Check "
        "the spelling of the name, or if a path was included, verify that the path is correct and try again.",
        "CommandNotFoundException",
        category="ObjectNotFound",
        exception_type="System.Management.Automation.CommandNotFoundException",
        target=name,
    )


def find(evaluator: Interpreter, name: Any) -> Any:
    """A DefinedFunction, or what makes the stage of a cmdlet or program. Raises CommandNotFoundException."""
    if not isinstance(name, str) or not name:
        if name is None or name is NOTHING or name == "":
            raise PowerShellError(
                "The expression after '&' in a pipeline element produced an object that was not valid. It must "
                "result in a "
                "command name, a script block, or a CommandInfo object.",
                "BadExpression",
                category="InvalidOperation",
            )
        from lab.powershell.api import PSObject

        if isinstance(name, PSObject) and name.type_name.endswith(("CmdletInfo", "FunctionInfo", "AliasInfo")):
            return find(evaluator, name.get("Name"))
        raise NotModelledError("calling an object of this kind")
    wanted = str(name)
    seen = set()
    while (target := evaluator.aliases.get(wanted.lower()) or ALIASES.get(wanted.lower())) and wanted not in seen:
        seen.add(wanted)
        wanted = target
    function = evaluator.scope.function(wanted.lower())
    if function is not None:
        return function
    module, backslash, bare = wanted.rpartition("\\")
    if backslash and module.lower() in table.modules():
        wanted = bare
    info = table.find(wanted) or (table.find(f"Get-{wanted}") if "-" not in wanted and "\\" not in wanted else None)
    if info is not None and not program(evaluator.session, wanted):
        if not available(evaluator.session, info.name):
            raise not_found(wanted)
        return _cmdlet(evaluator, info)
    run = program(evaluator.session, wanted)
    if run is not None:
        return lambda given: ProgramStage(evaluator, wanted, run, given)
    if wanted.lower().endswith(".ps1"):
        return core.script_file(evaluator, wanted, not_found)
    elsewhere.refuse(wanted)
    raise not_found(wanted)


def program(session: Session, name: str) -> Any:
    """The console program of a name or a full path, or None."""
    lower = name.lower()
    folder, _, base = lower.rpartition("\\")
    found = PROGRAMS.get(base) or PROGRAMS.get(f"{base}.exe")
    if found is None or not folder:
        return found
    for candidate in (name, f"{name}.exe"):
        if candidate in session.machine.collection("file"):
            return found
        drive = DRIVES.get("filesystem")
        if drive is not None and drive.item(session, candidate) is not None:
            return found
    if folder in ("c:\\windows\\system32", "c:\\windows\\system32\\inetsrv", "c:\\windows"):
        return found
    return None


def _cmdlet(evaluator: Interpreter, info: table.CmdletInfo) -> Callable[[Given], Stage]:
    streaming = core.STREAMING.get(info.name.lower())
    if streaming is None and info.name.lower() not in CMDLETS:
        raise NotModelledError(f"the cmdlet {info.name}")

    if not info.module.startswith("Microsoft.PowerShell.") and info.module not in evaluator.modules:
        evaluator.modules.append(info.module)  # 3.0 loads a module when one of its commands is used

    def make(given: Given) -> Stage:
        if streaming is not None:
            return streaming(evaluator, info, given)
        return CmdletStage(evaluator, info, given)

    return make
