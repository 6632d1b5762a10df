"""What options may be, for `--help` and completion, which do not load the packages that define it.

A test compares each with its source.
"""

ALL_SCOPES = "api"
SCOPES = (ALL_SCOPES, "read:order", "write:order", "read:integration", "write:integration", "write:parcel")
"""`accounts.schema.SCOPES`"""

ROLES = ("owner", "packer", "viewer")
"""`accounts.users.ROLES`"""

DELIVERY_STATUSES = ("pending", "held", "delivered", "failed")
"""`webhooks.schema.STATUSES`"""

READ_FORMATS = ("json", "jsonl", "csv", "xlsx")
"""`orders.files.read.FORMS`"""

WRITTEN_FORMATS = (
    *READ_FORMATS[:3],
    "excel-csv",
    "xlsx",
    "shopify-tracking",
    "amazon-tracking",
    "woocommerce-tracking",
)
"""`orders.files.write.NAMES`"""

SORTS = ("integration", "order_number", "order_created_at", "order_updated_at", "pk")
"""`orders.queries.SORTS`"""

SETUP_KINDS = ("sender-addresses", "contracts", "brands", "shipping-rules")
"""The paths of `shipping.setup_schema.KINDS`"""

MOST_DAYS = 36_500
"""`privacy.schema.MAX_DAYS`"""
