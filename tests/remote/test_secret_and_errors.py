"""A secret is never seen; an error is one line that says where, what, what was found and what to do."""

from __future__ import annotations

import json
from xml.sax.saxutils import escape, quoteattr

import pytest
from pydantic import BaseModel, ValidationError

from components import progress
from remote.errors import LostAnswerError, MachineError, UnreachableError
from remote.http import HttpError
from remote.secret import MASK, Secret, plain, redact
from remote.text import one_line

TEXT = 'Quote"Back\\Ünïcode-1!'


class Model(BaseModel):
    password: Secret


def test_it_prints_as_a_mask() -> None:
    secret = Secret(TEXT)
    for shown in (repr(secret), str(secret), f"{secret}", f"{[secret]}", repr(Model(password=secret))):
        assert TEXT not in shown
        assert MASK in shown
    assert secret.reveal() == TEXT
    assert secret == Secret(TEXT)
    assert secret != Secret("Another-1!")
    assert secret != TEXT
    assert bool(Secret("")) is False
    with pytest.raises(TypeError):
        json.dumps(secret)


def test_redact_finds_it_plain_and_escaped() -> None:
    Secret(TEXT)
    Secret("Long-Secret")
    Secret("Long-Secret-With-More")
    assert redact(f"a {TEXT} b") == "a *** b"
    assert redact(f"sent {json.dumps({'p': TEXT})}") == 'sent {"p": "***"}'
    assert redact("Long-Secret-With-More!") == "***!", "the longer one first, or its end would be left"
    Secret("")
    assert redact("nothing") == "nothing"


@pytest.mark.parametrize(
    "secret", [TEXT, "it's", 'both "quotes" and it\'s', "a  b", "tab\there", "<a&b>", "Ünï", "back\\"]
)
def test_redact_finds_it_however_it_is_written(secret: str) -> None:
    Secret(secret)
    forms = [
        repr(secret),
        repr([f"'\"{secret}"]),
        repr(secret.encode()),
        str({"Password": secret}),
        json.dumps(secret),
        json.dumps(secret, ensure_ascii=False),
        escape(secret),
        quoteattr(secret),
        secret.replace("'", "''"),
        " ".join(secret.split()),
    ]
    for form in forms:
        shown = redact(form)
        assert MASK in shown, form
        for start in range(len(secret) - 2):
            assert secret[start : start + 3] not in shown, "no part of it is left"


def test_secrets_are_masked_before_a_text_is_reshaped() -> None:
    Secret("two  spaces\nand a line")
    error = MachineError("SQL1", "do it", "with two  spaces\nand a line given")
    assert str(error) == "SQL1: do it: with *** given."


ESCAPES = "\x1b[31m\x07\x9b2J\x7f \u202eevil\u2066 \u2028x\ud800"
SHOWN = r"\x1b[31m\x07\x9b2J\x7f \u202eevil\u2066 x\ud800"


def test_control_characters_of_a_machine_are_shown_escaped() -> None:
    assert one_line(ESCAPES) == SHOWN
    assert one_line("Ünïcode, 漢字 and 🙂 stay\r\nas they are") == "Ünïcode, 漢字 and 🙂 stay as they are"
    error = MachineError("SQL1", f"read {ESCAPES}", f"it says {ESCAPES}", f"Remove {ESCAPES}.")
    assert str(error) == f"SQL1: read {SHOWN}: it says {SHOWN}. Remove {SHOWN}."
    assert str(HttpError(f"HTTP/1.1 {ESCAPES}")) == f"HTTP/1.1 {SHOWN}"


def test_progress_and_warnings_show_them_escaped_too(capsys: pytest.CaptureFixture[str]) -> None:
    Secret("Secret-1!")
    progress.report(f"SQL1: {ESCAPES} Secret-1!")
    progress.warn(f"SQL2: {ESCAPES} Secret-1!")
    assert capsys.readouterr().err == f"SQL1: {SHOWN} ***\nSQL2: {SHOWN} ***\n"


def test_models_take_and_dump_text() -> None:
    model = Model.model_validate({"password": TEXT})
    assert model.password == Secret(TEXT)
    assert model.model_dump(mode="json") == {"password": TEXT}
    assert Model.model_validate(model.model_dump(mode="json")) == model


@pytest.mark.parametrize("wrong", [["only-here"], {"only-here": "only-here"}, 12345, None])
def test_a_wrong_type_does_not_show_the_value(wrong: object) -> None:
    with pytest.raises(ValidationError) as caught:
        Model.model_validate({"password": wrong})
    (problem,) = caught.value.errors()
    assert (problem["loc"], problem["msg"]) == (("password",), "Input should be a text")


def test_plain_reveals_for_the_wire_only() -> None:
    value = {"a": [Secret(TEXT), 1], "b": (Secret("x-y-z"),), "c": {"d": Secret(TEXT)}, "e": None}
    assert plain(value) == {"a": [TEXT, 1], "b": ["x-y-z"], "c": {"d": TEXT}, "e": None}


@pytest.mark.parametrize(
    ("found", "remedy", "expected"),
    [
        ("it is gone", "", "SQL1: read it: it is gone."),
        ("it is gone.", "Look.", "SQL1: read it: it is gone. Look."),
        ("why?", "Look.", "SQL1: read it: why? Look."),
        ("first\r\n  second\tthird", "", "SQL1: read it: first second third."),
        (f"password {TEXT} is wrong", "", "SQL1: read it: password *** is wrong."),
    ],
)
def test_the_text_of_an_error(found: str, remedy: str, expected: str) -> None:
    Secret(TEXT)
    error = MachineError("SQL1", "read it", found, remedy)
    assert str(error) == expected
    assert TEXT not in repr(error)
    assert TEXT not in error.found


def test_secrets_in_any_part_of_an_error_are_masked() -> None:
    Secret(TEXT)
    assert str(MachineError("SQL1", f"log on with {TEXT}", "no", f"Use {TEXT}")) == "SQL1: log on with ***: no. Use ***"


@pytest.mark.parametrize("kind", [MachineError, UnreachableError, LostAnswerError])
def test_errors_print_without_a_path(kind: type[MachineError]) -> None:
    assert kind.__module__ == "builtins"
    error = kind("SQL1", "a", "b", number=1205, error_id="X")
    assert (error.machine, error.number, error.error_id) == ("SQL1", 1205, "X")
    assert isinstance(error, MachineError)
