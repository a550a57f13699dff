"""Windows accounts as the engine needs them: security identifiers of names, and which logins an identity may use."""

from __future__ import annotations

import hashlib

from lab.world import Identity, Machine, World

WELL_KNOWN = {
    "nt authority\\system": "S-1-5-18",
    "nt authority\\local service": "S-1-5-19",
    "nt authority\\network service": "S-1-5-20",
    "nt authority\\anonymous logon": "S-1-5-7",
    "nt authority\\authenticated users": "S-1-5-11",
    "builtin\\administrators": "S-1-5-32-544",
    "builtin\\users": "S-1-5-32-545",
}

SHOWN = {
    WELL_KNOWN[name.lower()]: name
    for name in (
        "NT AUTHORITY\\SYSTEM",
        "NT AUTHORITY\\LOCAL SERVICE",
        "NT AUTHORITY\\NETWORK SERVICE",
        "NT AUTHORITY\\ANONYMOUS LOGON",
        "NT AUTHORITY\\Authenticated Users",
        "BUILTIN\\Administrators",
        "BUILTIN\\Users",
    )
}
"""Names of an English Windows by SID."""

SHOWN_IN_GERMAN = {
    "S-1-5-18": "NT-AUTORITÄT\\SYSTEM",
    "S-1-5-19": "NT-AUTORITÄT\\LOKALER DIENST",
    "S-1-5-20": "NT-AUTORITÄT\\NETZWERKDIENST",
    "S-1-5-7": "NT-AUTORITÄT\\ANONYMOUS-ANMELDUNG",
    "S-1-5-11": "NT-AUTORITÄT\\Authentifizierte Benutzer",
    "S-1-5-32-544": "VORDEFINIERT\\Administratoren",
    "S-1-5-32-545": "VORDEFINIERT\\Benutzer",
}
"""Names of a German Windows, a machine whose document ``power`` has ``language: de`` (SQL Server documentation,
"Configure Windows Service Accounts and Permissions", localized service names; the others are known). Services keep the
English names (Microsoft, "NetworkService Account": the service control manager knows no localized ones)."""


def _shown(machine: Machine) -> dict[str, str]:
    power = machine.collection("power").get("state") or {}
    return SHOWN_IN_GERMAN if power.get("language") == "de" else SHOWN


def sid_bytes(text: str) -> bytes:
    """The binary form of S-1-5-…, as varbinary(85) columns hold it."""
    parts = text.split("-")
    revision, authority, subs = int(parts[1]), int(parts[2]), [int(part) for part in parts[3:]]
    return bytes([revision, len(subs)]) + authority.to_bytes(6, "big") + b"".join(s.to_bytes(4, "little") for s in subs)


def service_sid(service: str) -> str:
    """The SID of ``NT SERVICE\\name``: derived from the SHA-1 of the upper-case name (documented by Microsoft)."""
    digest = hashlib.sha1(service.upper().encode("utf-16-le")).digest()  # noqa: S324 - how Windows defines it
    return "S-1-5-80-" + "-".join(str(int.from_bytes(digest[at : at + 4], "little")) for at in range(0, 20, 4))


def find_sid(world: World, machine: Machine, name: str) -> str | None:
    """The SID of a Windows account or group in the form ``DOMAIN\\name``, or None when Windows knows no such name."""
    lowered = name.lower()
    if lowered in WELL_KNOWN:  # on a German Windows too: unproven
        return WELL_KNOWN[lowered]
    if (sid := next((sid for sid, shown in _shown(machine).items() if shown.lower() == lowered), None)) is not None:
        return sid
    authority, _, account = name.partition("\\")
    if not account:
        return None
    if authority.lower() == "nt service":
        return service_sid(account)
    if authority.lower() == machine.name.lower():
        return _document_sid(world, machine.name, account)
    for member in world.machines.values():
        if authority.lower() in (member.netbios.lower(), member.domain.lower()):
            found = _document_sid(world, member.domain, account)
            return found or _computer_sid(world, member.domain, account)
    return None


def look_up(world: World, machine: Machine, name: str) -> str | None:
    r"""The SID of a name in any form that Windows takes: also ``name@full.domain`` (Microsoft: LookupAccountName)."""
    account, at, domain = name.rpartition("@")
    return find_sid(world, machine, f"{domain}\\{account}" if at and "\\" not in name else name)


def find_name(world: World, machine: Machine, sid: bytes) -> str | None:
    """The Windows account or group of a SID, as the machine shows it; None when Windows knows no such SID."""
    for text, name in _shown(machine).items():
        if sid_bytes(text) == sid:
            return name
    for owner, shown in ((machine.name, machine.name.upper()), (machine.domain, machine.netbios)):
        for kind in ("account", "group"):
            for name, document in world.collection(owner, kind).items():
                if "sid" in document and sid_bytes(document["sid"]) == sid:
                    return f"{shown}\\{document.get('name', name)}"
    return None


def _document_sid(world: World, owner: str, account: str) -> str | None:
    for kind in ("account", "group"):
        document = world.collection(owner, kind).get(account)
        if document is not None and "sid" in document:
            return str(document["sid"])
    return None


def _computer_sid(world: World, domain: str, account: str) -> str | None:
    """Computer accounts end in $; the lab derives their SIDs from their names."""
    known = [m for m in world.machines.values() if m.domain.lower() == domain.lower()]
    if account.endswith("$") and account[:-1].lower() in [m.name.lower() for m in known]:
        number = int.from_bytes(hashlib.sha256(account.lower().encode()).digest()[:3], "big")
        return f"S-1-5-21-1004336348-1177238915-682003330-{number + 1000}"
    return None


def tokens(world: World, machine: Machine, identity: Identity) -> frozenset[bytes]:
    """The SIDs by which Windows logins admit an identity: its own, those of its groups, and of the administrators."""
    sids = {identity.sid} if identity.sid.startswith("S-") else set()
    for group in identity.groups:
        found = group if group.startswith("S-1-") else find_sid(world, machine, _qualified(machine, group))
        if found:
            sids.add(found)
    if identity.administrator:
        sids.add(WELL_KNOWN["builtin\\administrators"])
    own = find_sid(world, machine, identity.user)
    if own:
        sids.add(own)
    return frozenset(sid_bytes(sid) for sid in sids)


def _qualified(machine: Machine, group: str) -> str:
    return group if "\\" in group else f"{machine.netbios}\\{group}"
