"""Regular expressions and wildcards: from .NET's and PowerShell's notation to Python's."""

from __future__ import annotations

import re
import warnings
from functools import lru_cache

from lab.powershell.api import NotModelledError, PowerShellError
from lab.powershell.utf16 import joined, units

_PIECE = re.compile(
    r"\\(?:[pP]\{[^}]*\}|[kK]<[^>]+>|[kK]'[^']+'|c.|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)"
    r"|\(\?(?:<(?P<name>[A-Za-z_]\w*)>|'(?P<quoted>[A-Za-z_]\w*)'|<(?P<balance>[A-Za-z_]*-\w+)>|(?P<number><\d+>))"
    r"|\[\^?\]?(?:\\.|[^\]\\])*\]|\$|.",
    re.S,
)
_REPLACEMENT = re.compile(r"\$(?:\$|&|`|'|\+|_|(\d+)|\{(\w+)\})", re.A)


def regex_error(pattern: str, why: str) -> PowerShellError:
    inner = PowerShellError(f'parsing "{pattern}" - {why}', exception_type="System.ArgumentException")
    return PowerShellError(inner.message, "RuntimeException", inner=inner, category="InvalidOperation")


@lru_cache(maxsize=512)
def regex(pattern: str, flags: int) -> re.Pattern[str]:
    """A .NET pattern as a Python one, for texts in UTF-16 units.

    Raises the error of an invalid pattern (its reason is in Python's words)."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            return re.compile(_translate(units(pattern), flags), flags)
    except re.error as error:
        if "global flags" in str(error) or "look-behind" in str(error):
            raise NotModelledError(f"the regular expression '{pattern}': {error}") from None
        raise regex_error(pattern, str(error)) from None


def _translate(pattern: str, flags: int) -> str:
    def piece(match: re.Match[str]) -> str:
        text = match[0]
        if match["name"] or match["quoted"]:
            return f"(?P<{match['name'] or match['quoted']}>"
        if match["balance"] or match["number"]:
            raise NotModelledError(f"the regular expression group '{text}'")
        if text.startswith("["):
            if "-[" in text or "\\p" in text or "\\P" in text:
                raise NotModelledError(f"the character class '{text}'")
            return text.replace("[[", r"[\[", 1) if text.startswith("[[") else text
        if text == "$" and not flags & re.MULTILINE:
            return r"(?=\n?\Z)"
        if text[0] == "\\":
            kind = text[1]
            if kind in "pP":
                raise NotModelledError(f"the regular expression escape '{text}'")
            if kind in "kK" and len(text) > 2:
                return f"(?P={text[3:-1]})"
            if kind == "c":
                return re.escape(chr(ord(text[2].upper()) ^ 64))
            return {"z": r"\Z", "Z": r"(?=\n?\Z)", "e": r"\x1b", "G": r"\A"}.get(kind, text)
        return text

    return _PIECE.sub(piece, pattern)


def replacement(template: str, match: re.Match[str]) -> str:
    """What a .NET replacement text gives for a match: ``$1``, ``${name}``, ``$&``, ``$$``; unknown groups stay text."""

    def part(found: re.Match[str]) -> str:
        text, groups = found[0], match.re.groups
        if text == "$$":
            return "$"
        if text == "$&":
            return match[0]
        if text == "$`":
            return match.string[: match.start()]
        if text == "$'":
            return match.string[match.end() :]
        if text == "$_":
            return match.string
        if text == "$+":
            return (match[groups] or "") if groups else match[0]
        key = found[1] or found[2]
        if key.isdigit():
            numbered = [value for _, value in named_groups(match)]
            return (numbered[int(key)] or "") if int(key) <= groups else text
        return (match[key] or "") if key in match.re.groupindex else text

    return _REPLACEMENT.sub(part, units(template))


@lru_cache(maxsize=512)
def wildcard(pattern: str, *, case: bool = False) -> re.Pattern[str]:
    """``*``, ``?`` and ``[set]``; a backtick takes the special meaning away. Matches the whole text."""
    out, i = [], 0
    while i < len(pattern):
        char = pattern[i]
        if char == "`" and i + 1 < len(pattern):
            i += 1
            out.append(re.escape(pattern[i]))
        elif char == "*":
            out.append(".*")
        elif char == "?":
            out.append(".")
        elif char == "[":
            end = pattern.find("]", i + 2)
            if end < 0:
                raise PowerShellError(
                    f"The specified wildcard character pattern is not valid: {pattern}",
                    "WildcardPatternException",
                    category="InvalidOperation",
                    exception_type="System.Management.Automation.WildcardPatternException",
                )
            inner = re.sub(r"([\\^\[\]&~|])", r"\\\1", pattern[i + 1 : end])
            out.append(f"[{inner}]")
            i = end
        else:
            out.append(re.escape(char))
        i += 1
    return re.compile("".join(out), re.S if case else re.S | re.I)


def has_wildcard(text: str) -> bool:
    return bool(re.search(r"(?<!`)[*?\[]", text))


def named_groups(match: re.Match[str]) -> list[tuple[str | int, str | None]]:
    """The groups of a match as .NET numbers them: unnamed ones first, then the named ones by name."""
    names = {number: name for name, number in match.re.groupindex.items()}
    order: list[tuple[str | int, str | None]] = [(0, _text(match, 0))]
    unnamed = [number for number in range(1, match.re.groups + 1) if number not in names]
    order += [(index + 1, _text(match, number)) for index, number in enumerate(unnamed)]
    order += [(names[number], _text(match, number)) for number in sorted(names)]
    return order


def _text(match: re.Match[str], number: int) -> str | None:
    found = match[number]
    return None if found is None else joined(found)
