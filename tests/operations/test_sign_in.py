"""Where a visitor is sent, followed through answers that no site gives here."""

from __future__ import annotations

from typing import Any

import pytest

from operations import configuration
from operations.checks import sign_in
from operations.row import Row
from remote.http import Answer

START = "https://portal.hyper-v.nu:{}/"
VALUES = {
    "topology": "topologies/single-domain.yaml",
    "credentials": {"hyper-v.nu": {"username": "u", "password": "Installer-Pass-5!"}},
}


def rows(monkeypatch: pytest.MonkeyPatch, answers: dict[str, Answer]) -> list[Row]:
    """What the checks say when each address answers so; any other one is an error of the test."""

    def get(address: str, port: int, name: str, path: str = "/", **how: Any) -> Answer:
        assert how == {"authorities": ""}, "a visitor's browser verifies certificates"
        return answers[f"{name}:{port}{path}"]

    monkeypatch.setattr(sign_in, "get", get)
    return [check.row() for check in sign_in.checks(configuration.context(VALUES))]


def to(location: str) -> Answer:
    return Answer(302, b"", b"", location)


def test_both_sites_lead_to_their_authentication_sites(monkeypatch: pytest.MonkeyPatch) -> None:
    found = rows(
        monkeypatch,
        {
            "portal.hyper-v.nu:30091/": to("https://PORTAL.hyper-v.nu:30072/sign?in=1"),
            "portal.hyper-v.nu:30072/sign?in=1": Answer(401, b"", b""),
            "portal.hyper-v.nu:443/": to("/login"),
            "portal.hyper-v.nu:443/login": Answer(200, b"", b""),
        },
    )
    assert [(row.member, row.ok, row.found) for row in found] == [
        ("portal.hyper-v.nu", True, "https://portal.hyper-v.nu:30072/sign answers HTTP 401"),
        ("portal.hyper-v.nu", True, "https://portal.hyper-v.nu:443/login answers HTTP 200"),
    ]


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (
            to("https://portal1.hyper-v.nu:30072/x?secret=1"),
            "it sends a visitor to https://portal1.hyper-v.nu:30072/x, which is the name of Portal1",
        ),
        (to("https://portal2/"), "it sends a visitor to https://portal2:443/, which is the name of Portal2"),
        (
            to("https://other.example/"),
            "it sends a visitor to https://other.example:443/, which is no load-balanced name",
        ),
        (to("/"), "it sends a visitor on more than 5 times, last to https://portal.hyper-v.nu:30091/"),
        (Answer(500, b"", b""), "https://portal.hyper-v.nu:30091/ answers HTTP 500"),
        (Answer(404, b"", b""), "https://portal.hyper-v.nu:30091/ answers HTTP 404"),
    ],
)
def test_what_is_wrong_is_said(monkeypatch: pytest.MonkeyPatch, answer: Answer, found: str) -> None:
    answers = {"portal.hyper-v.nu:30091/": answer, "portal.hyper-v.nu:443/": Answer(200, b"", b"")}
    wrong, right = rows(monkeypatch, answers)
    assert (wrong.ok, wrong.found) == (False, found)
    assert right.ok
