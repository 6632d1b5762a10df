"""The wire shapes of changes to contracts in the v3 API."""

from typing import Annotated, Any, NotRequired

from pydantic import ConfigDict, Field, TypeAdapter
from typing_extensions import TypedDict

from packhouse.shipping.setup.setup_schema import Code

_STRICT = ConfigDict(strict=True)
_ContractData = Annotated[dict[str, str], Field(max_length=100)]


class NewContract(TypedDict):
    """`contract_data` is what the carrier's API requires; it is stored, and never returned."""

    __pydantic_config__ = _STRICT  # type: ignore[misc]
    carrier_code: Code
    contract_data: _ContractData
    is_active: NotRequired[bool]
    is_default_per_carrier: NotRequired[bool]


class ContractUpdate(TypedDict, total=False):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    name: Annotated[str, Field(max_length=50)]
    contract_data: _ContractData
    is_active: bool
    is_default_per_carrier: bool


CREATE: TypeAdapter[Any] = TypeAdapter(NewContract)
UPDATE: TypeAdapter[Any] = TypeAdapter(ContractUpdate)
