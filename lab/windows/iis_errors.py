"""Errors that IIS, HTTP.sys and the certificate functions give, as their COM and .NET exceptions read."""

from __future__ import annotations

from lab.powershell.api import PowerShellError, Session

COM_EXCEPTION = "System.Runtime.InteropServices.COMException"

_TEXTS = {
    0x80070002: "The system cannot find the file specified.",
    0x80070005: "Access is denied.",
    0x8007000D: "The data is invalid.",
    0x80070020: "The process cannot access the file because it is being used by another process.",
    0x80070021: "The process cannot access the file because another process has locked a portion of the file.",
    0x800700B7: "Cannot create a file when that file already exists.",
    0x80070520: "A specified logon session does not exist. It may already have been terminated.",
}


def com_error(code: int, *, command: str = "") -> PowerShellError:
    """A COMException with an HRESULT (unsigned), as .NET words it. ``command`` is the class of a cmdlet that fails."""
    return PowerShellError(
        f"{_TEXTS[code]} (Exception from HRESULT: 0x{code:08X})",
        f"{COM_EXCEPTION},{command}" if command else COM_EXCEPTION,
        exception_type=COM_EXCEPTION,
        data={"HResult": code - (1 << 32), "ErrorCode": code - (1 << 32)},
    )


def text_of(code: int) -> str:
    """The system's text of a Win32 error inside an HRESULT, as console programs print it."""
    return _TEXTS[code]


def require_administrator(session: Session) -> None:
    """IIS configuration is closed to anybody but administrators. Raises the provider's error."""
    if not session.identity.administrator:
        raise PowerShellError(
            "Process should have elevated status to access IIS configuration data.",
            "System.InvalidOperationException",
            category="InvalidOperation",
            exception_type="System.InvalidOperationException",
        )
