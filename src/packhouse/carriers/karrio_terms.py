"""What the carriers of the karrio SDK ask for in a contract, in the words in which the carriers give it to a shop.

The names are those of the SDK's settings of each carrier (`karrio.mappers.<carrier>.settings`); a test holds them to
that.
"""

from collections.abc import Mapping, Sequence

from packhouse.consignment import ContractField
from packhouse.kit.messages import message

_TEST_MODE = ContractField(
    "test_mode", message("Use the carrier's test system (nothing is sent)"), required=False, type="boolean"
)
_ACCOUNT = message("Account number")
_PASSWORD = message("Password")

FIELDS: Mapping[str, Sequence[ContractField]] = {
    "ups": (
        ContractField("client_id", message("Client ID (of an app on developer.ups.com)")),
        ContractField("client_secret", message("Client secret")),
        ContractField("account_number", _ACCOUNT),
        _TEST_MODE,
    ),
    "bpost": (
        ContractField("account_id", message("Account ID (in the shipping manager)")),
        ContractField("passphrase", message("Passphrase of the shipping manager")),
        _TEST_MODE,
    ),
    "fedex": (
        ContractField("api_key", message("API key (of a project on developer.fedex.com)")),
        ContractField("secret_key", message("Secret key")),
        ContractField("account_number", _ACCOUNT),
        ContractField("track_api_key", message("API key for tracking, if it is another one"), required=False),
        ContractField("track_secret_key", message("Secret key for tracking, if it is another one"), required=False),
        _TEST_MODE,
    ),
    "dhl_express": (
        ContractField("site_id", message("Site ID of XML services")),
        ContractField("password", _PASSWORD),
        ContractField("account_number", _ACCOUNT),
        _TEST_MODE,
    ),
    "dpd": (
        ContractField("delis_id", message("DELIS ID (user name)")),
        ContractField("password", _PASSWORD),
        ContractField("depot", message("Depot number"), required=False),
        _TEST_MODE,
    ),
    "colissimo": (
        ContractField("contract_number", message("Contract number")),
        ContractField("password", _PASSWORD),
        ContractField("laposte_api_key", message("API key of La Poste, for tracking"), required=False),
        _TEST_MODE,
    ),
}
