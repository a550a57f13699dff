"""What a component writes reaches the engine, whole; what cannot be ends the program with one sentence."""

from __future__ import annotations

import asyncio
from typing import Any

import pulumi
import pytest

from components.resource import later, later_secret
from components.resource.fields import Inputs, InvalidInputsError, Placeholder
from components.resource.pulumi_adapter import properties
from components.windows.certificate import CertificateInputs, CertificateResource
from remote.secret import Secret
from tests.components import program
from tests.components.contract import Case, adapter
from tests.components.worlds import CASES

GIVEN: dict[str, Any] = {"machine": "Portal1", "name": "portal", "thumbprint": "AB", "pfx": Secret("UEZY-1!")}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_input_reaches_the_engine(case: Case) -> None:
    inputs: Inputs = case.parsed()
    given = properties(inputs)
    assert list(given) == list(type(inputs).model_fields)
    assert type(inputs).model_validate(given) == inputs


def test_an_output_of_another_resource_goes_to_the_engine_as_an_output() -> None:
    async def outputs() -> tuple[Any, ...]:
        thumbprint = pulumi.Output.from_input("CD")
        password = pulumi.Output.secret("Later-1!")
        given = properties(
            CertificateInputs(**{**GIVEN, "thumbprint": later(thumbprint), "password": later_secret(password)})
        )
        assert given["thumbprint"] is thumbprint
        assert given["password"] is password
        return given["machine"], given["pfx"]

    assert asyncio.run(outputs()) == ("Portal1", "UEZY-1!")


def test_inputs_that_cannot_be_are_one_sentence_that_names_the_resource_and_no_value() -> None:
    with pytest.raises(InvalidInputsError) as caught:
        CertificateInputs(**{**GIVEN, "password": ["only-in-this-test"], "private_key": "perhaps"})
    assert str(caught.value) == (
        "Certificate on Portal1: password: Input should be a text; "
        "private_key: Input should be a valid boolean, unable to interpret input"
    )


def test_known_inputs_are_validated_beside_one_that_is_not_known_yet() -> None:
    pending = Placeholder(None)
    with pytest.raises(InvalidInputsError, match=r"^Certificate on Portal1: private_key: "):
        CertificateInputs(**{**GIVEN, "password": pending, "private_key": "perhaps"})
    assert CertificateInputs(**{**GIVEN, "password": pending}).password is pending  # type: ignore[comparison-overlap]


def test_a_value_that_arrives_later_is_validated_by_check() -> None:
    given = {**properties(CertificateInputs(**GIVEN, password=Secret("Given-1!"))), "password": ["only-in-this-test"]}
    (failure,) = adapter(CertificateResource).check({}, given).failures
    assert failure.reason == "password: Input should be a text"


def test_every_input_of_the_program_is_in_what_it_registers() -> None:
    made = program.shipped(program.ROOT / "topologies" / "single-domain.yaml")
    registered = made.one("windows:Certificate", "Portal1-certificate").inputs
    assert set(CertificateInputs.model_fields) <= set(registered)
