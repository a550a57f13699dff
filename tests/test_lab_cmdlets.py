"""Every cmdlet, console program, .NET type and WMI class of the lab is needed: by the program, its tests, an example,
another client, or for a reason here. Every cmdlet of the program's scripts is in the lab."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.lab_users import texts

ROOT = Path(__file__).parents[1]
REGISTERED = re.compile(r"@(?:cmdlet|cluster_cmdlet|streaming)\(\"([\w-]+)\"\)")
PARTS = {
    "program": re.compile(r"@program\(\"([\w-]+)\.exe\"\)"),
    "type": re.compile(r"@dotnet\([^)]*?(\w+)\"[,)]"),
    "class": re.compile(r"\((?:CIM|SQL_2012), \"(\w+)\""),
}
"""How what else a script may use is registered; of a type the first name without its namespace."""
QUOTED = re.compile(r"\"([A-Z]\w*-\w+)\"")
FOR_SOME_VERBS = re.compile(r"\"\{verb\}-(\w+)\"")
LANGUAGE = "Microsoft.PowerShell"
"""Modules of the language itself: the evaluator finds these cmdlets in its own ways."""
CALLED = re.compile(r"\b[A-Z][a-z]+-[A-Z]\w+")
TABLE = ROOT / "lab" / "powershell" / "cmdlets.json"
"""Those of Windows Server 2012."""

KEPT = {
    "The language: any script of the lab's users may have it, and recorded answers of real PowerShell cover it.": """
        Add-Member Compare-Object Copy-Item Get-ExecutionPolicy Get-Host Get-Location Get-Member Get-Module
        Get-Variable Group-Object Invoke-Command Invoke-Expression Measure-Command New-Alias New-Variable Out-Default
        Out-File Out-Host Out-String Read-Host Remove-Variable Resolve-Path Select-String Set-Alias Set-Location
        Set-Variable Tee-Object Write-Debug Write-Error Write-Host Write-Output Write-Progress Write-Verbose
        Write-Warning
    """,
    "Get-WmiObject's successor, which the documentation of Windows Server 2012 recommends for the same classes.": """
        Get-CimInstance
    """,
    "With it an administrator does by hand what the program does or finds: NLB, sites, tasks, certificates.": """
        Enable-ScheduledTask Set-NlbClusterNodeDip Get-NlbClusterNodeNetworkInterface Get-WebConfigurationProperty
        Import-PfxCertificate Set-NlbClusterPortRuleNodeHandlingPriority Set-WebConfigurationProperty
        Stop-ScheduledTask
    """,
    "Published scripts for the portal have it: one configures all features, others give a plan its quotas.": """
        Add-MgmtSvcListQuota Add-MgmtSvcQuotaSetting Get-MgmtSvcSqlHostingServer Initialize-MgmtSvcProduct
        New-MgmtSvcQuotaList Update-MgmtSvcPlanQuota
    """,
}

KEPT_PARTS = {
    "Enumerations of arguments that the program's scripts write as text.": """
        ContextType IdentityType OpenFlags StoreLocation StoreName
    """,
    "What a SqlConnection, which the program's scripts open, hands out and takes.": """
        DBNull SqlCommand SqlParameter
    """,
}


def sources() -> list[str]:
    files = [file for file in (ROOT / "lab").rglob("*.py") if "tests" not in file.relative_to(ROOT).parts]
    return [file.read_text(encoding="utf-8") for file in files]


def registered() -> set[str]:
    return {name for text in sources() for name in REGISTERED.findall(text)}


def test_every_cmdlet_of_the_lab_is_used_or_kept_for_a_reason() -> None:
    found = {name.lower() for name in registered()}
    assert len(found) > 100
    unused = found - {word for text in texts() for word in re.findall(r"[a-z]+-[a-z]+", text)}
    kept = {name.lower() for names in KEPT.values() for name in names.split()}
    assert unused - kept == set(), "nothing needs it: delete it, or say in KEPT why it stays"
    assert kept - unused == set(), "it is used, or gone: take it out of KEPT"


def test_every_part_of_the_lab_is_used_or_kept_for_a_reason() -> None:
    found = {kind: {name for text in sources() for name in regex.findall(text)} for kind, regex in PARTS.items()}
    assert {"program", "type", "class"} == {kind for kind, names in found.items() if len(names) > 4}
    words = {word for text in texts() for word in re.findall(r"\w+", text)}
    unused = {name for names in found.values() for name in names if name.lower() not in words}
    kept = {name for names in KEPT_PARTS.values() for name in names.split()}
    assert unused - kept == set(), "nothing needs it: delete it, or say in KEPT_PARTS why it stays"
    assert kept - unused == set(), "it is used, or gone: take it out of KEPT_PARTS"


def test_every_cmdlet_of_the_programs_scripts_is_in_the_lab() -> None:
    found = {name.lower() for text in sources() for name in QUOTED.findall(text)}
    nouns = {noun for text in sources() for noun in FOR_SOME_VERBS.findall(text)}
    table = json.loads(TABLE.read_text(encoding="utf-8"))
    real = {n.lower() for module, names in table.items() for n in names if not module.startswith(LANGUAGE)}
    scripts = [file for place in ("components", "remote", "operations") for file in (ROOT / place).rglob("*.ps1")]
    assert len(scripts) > 50
    words = {word for file in scripts for word in CALLED.findall(file.read_text(encoding="utf-8"))}
    missing = {word for word in words if word.lower() in real - found and word.partition("-")[2] not in nouns}
    assert missing == set()
