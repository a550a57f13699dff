"""Owners and rights of files and folders below ``%ProgramData%``, as SDDL: recorded and read, not enforced.

Documents: ``machine.collection("ntfs")["c:\\\\programdata\\\\x"]`` = {"sddl": "O:…D:…", "link": bool} for what was
created with a descriptor of its own, by another than an administrator, or as a junction. Everything else inherits.
Rules: a new object has the rights that its folder passes on (Microsoft: "ACE Inheritance Rules"); an administrator's
objects belong to the Administrators, another user's to that user. The rights of ``%ProgramData%`` itself are
*unproven*: as icacls shows them on current versions of Windows (Users may create files and folders there).
"""

from __future__ import annotations

import ntpath
import re
from collections.abc import Iterator
from typing import Any

from lab import files
from lab.powershell.api import Call, DotNet, NotModelledError, PowerShellError, PSObject, Session, cmdlet, dotnet
from lab.powershell.core_items import each, missing
from lab.world import Machine

ROOT = "c:\\programdata"
_ROOT_RIGHTS = (
    "O:SYG:SYD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICIIO;FA;;;CO)(A;OICI;0x1200a9;;;BU)(A;CI;DCLCRPCR;;;BU)"
)
_FORM = re.compile(r"(O:(?P<owner>[A-Z]{2}|S-[\d-]+))?(G:([A-Z]{2}|S-[\d-]+))?(D:[A-Z]*(?P<rules>(\([^()]*\))*))?")
_OTHERS = ("access", "accesstostring", "group", "audit", "areaccessrulesprotected", "areaccessrulescanonical")
"""What the objects of Get-Acl have beside what is modelled."""


class Descriptor(PSObject):
    """A System.Security.AccessControl.DirectorySecurity or FileSecurity; of its properties only SDDL is modelled."""

    def name_of(self, name: str) -> str | None:
        if name.lower() in _OTHERS:
            raise NotModelledError(f"{name} of a security descriptor")
        return super().name_of(name)


def sddl(machine: Machine, path: str) -> str:
    """Owner and rights of a file or folder that exists."""
    key = path.rstrip("\\").lower()
    known = machine.collection("ntfs").get(key)
    if known is not None:
        return str(known["sddl"])
    if key == ROOT:
        return _ROOT_RIGHTS
    if not key.startswith(ROOT + "\\"):
        raise NotModelledError(f"the rights of {path}: only those below {ROOT}")
    folder = files.resolve_new(machine, path).is_dir()
    return f"O:BAG:DUD:AI{_inherited(sddl(machine, ntpath.dirname(key)), 'BA', folder=folder)}"


def own(machine: Machine, path: str, owner: str) -> None:
    """What a user who is no administrator created: it belongs to that user, who has every right to it."""
    key = path.rstrip("\\").lower()
    folder = files.resolve_new(machine, path).is_dir()
    rules = _inherited(sddl(machine, ntpath.dirname(key)), owner, folder=folder)
    machine.collection("ntfs")[key] = {"sddl": f"O:{owner}G:DUD:AI{rules}", "link": False}


def protect(machine: Machine, path: str, form: str) -> None:
    """Give what was just created its own descriptor."""
    machine.collection("ntfs")[path.rstrip("\\").lower()] = {"sddl": form, "link": False}


def is_link(machine: Machine, path: str) -> bool:
    return bool(machine.collection("ntfs").get(path.rstrip("\\").lower(), {}).get("link"))


def forget(machine: Machine, path: str) -> None:
    """What was deleted has no rights any more, nor has anything below it."""
    key, known = path.rstrip("\\").lower(), machine.collection("ntfs")
    for one in [one for one, _ in known.items() if one == key or one.startswith(key + "\\")]:
        del known[one]


def _inherited(parent: str, owner: str, *, folder: bool) -> str:
    """The rules that a folder passes on to a new object."""
    found = _FORM.fullmatch(parent)
    assert found is not None, parent
    rules = []
    for rule in re.findall(r"\(([^()]*)\)", found["rules"] or ""):
        kind, flags, rights, thing, inherits, who = rule.split(";")
        pairs = {flags[at : at + 2] for at in range(0, len(flags), 2)}
        creator = who == "CO"
        if ("CI" if folder else "OI") in pairs:
            kept = "".join(flag for flag in ("OI", "CI") if flag in pairs) if folder and not creator else ""
            rules.append(f"({kind};{kept}ID;{rights};{thing};{inherits};{owner if creator else who})")
        if folder and (creator or ("OI" in pairs and "CI" not in pairs)):
            kept = "".join(flag for flag in ("OI", "CI") if flag in pairs)
            rules.append(f"({kind};{kept}IOID;{rights};{thing};{inherits};{who})")
    return "".join(rules)


@cmdlet("Get-Acl")
def get_acl(call: Call) -> Iterator[PSObject]:
    for parameter in ("InputObject", "Audit", "AllCentralAccessPolicies", "Filter", "Include", "Exclude"):
        if parameter in call.parameters:
            raise NotModelledError(f"Get-Acl -{parameter}")
    for drive, inner, path in each(call):
        item = drive.item(call.session, inner)
        if item is None:
            call.runtime.write_error(missing(path))
            continue
        if not item.type_name.startswith("System.IO."):
            raise NotModelledError(f"the rights of {path}")
        form, kind = sddl(call.machine, inner), "Directory" if item.get("PSIsContainer") else "File"
        known = {"Path": item.get("PSPath"), "Sddl": form}
        yield Descriptor(f"System.Security.AccessControl.{kind}Security", known)


@dotnet("System.Security.AccessControl.DirectorySecurity", "Security.AccessControl.DirectorySecurity")
class DirectorySecurity(DotNet):
    @classmethod
    def create(cls, session: Session, *arguments: Any) -> PSObject:
        if arguments:
            raise NotModelledError("a constructor of DirectorySecurity with arguments")
        made = Descriptor("System.Security.AccessControl.DirectorySecurity", {"Sddl": ""})

        def set_form(form: Any, *sections: Any) -> None:
            if sections:
                raise NotModelledError("SetSecurityDescriptorSddlForm of some sections")
            if not _FORM.fullmatch(str(form)):
                raise PowerShellError(
                    "The SDDL string contains an invalid sid or a sid that cannot be translated.\r\nParameter name: "
                    "sddlForm",
                    "ArgumentException",
                    exception_type="System.ArgumentException",
                )
            made.set("Sddl", str(form))

        made.methods["setsecuritydescriptorsddlform"] = set_form
        return made
