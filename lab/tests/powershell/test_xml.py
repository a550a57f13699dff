"""XML documents in scripts: what is found in one, and what is no document."""

from __future__ import annotations

from typing import Any

import pytest

import lab.windows  # noqa: F401 - registers the type

DOCUMENT = """<?xml version="1.0"?>
<feed xmlns="http://www.w3.org/2005/Atom">
  <title>All</title>
  <entry kind="big"><productId>A</productId><dependency><and><dependency><productId>B</productId></dependency>
    <dependency><productId>Ünïcode &amp; more</productId></dependency></and></dependency></entry>
  <entry><productId>B</productId></entry>
</feed>"""


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("@($document.GetElementsByTagName('entry')).Count", [2]),
        ("$document.GetElementsByTagName('productId') | % { $_.InnerText }", ["A", "B", "Ünïcode & more", "B"]),
        ("$document.GetElementsByTagName('Entry').Count", [0]),
        ("@($document.GetElementsByTagName('entry'))[0]['productId'].InnerText", ["A"]),
        ("$null -eq @($document.GetElementsByTagName('entry'))[1]['dependency']", [True]),
        ("$document.DocumentElement.LocalName; $document.feed.title", ["feed", "All"]),
        ("$document.feed.entry | % { $_.productId }; $document.feed.entry[0].kind", ["A", "B", "big"]),
        ("([xml]$Text).feed.title", ["All"]),
    ],
)
def test_reading(script: str, expected: list[Any], output: Any) -> None:
    begin = "param($Text)\n$document = New-Object System.Xml.XmlDocument\n$document.LoadXml($Text)\n"
    assert output(begin + script, Text=DOCUMENT) == expected


@pytest.mark.parametrize("text", ["no document", "<a><b></a>", ""])
def test_what_is_no_document(text: str, output: Any) -> None:
    script = "param($Text) try { (New-Object Xml.XmlDocument).LoadXml($Text) } catch { $_.Exception.GetType().Name }"
    assert output(script, Text=text) == ["MethodInvocationException"]
    inner = script.replace("$_.Exception.GetType()", "$_.Exception.InnerException.GetType()")
    assert output(inner, Text=text) == ["XmlException"]
