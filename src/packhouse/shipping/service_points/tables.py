"""The table of service points. An index on cells of a grid finds points near a place on every database."""

from sqlalchemy import BigInteger, Column, Float, Index, Integer, Table, Text

from packhouse.kit.db.columns import CodePointText, Instant, metadata

_FOUND_BY = (
    "account_id", "country_code", "state", "cell", "latitude", "longitude", "carrier_code", "general_shop_type", "id",
)  # fmt: skip

# `state` is `open`; `closed` where people may not be sent now; or `gone`: a later file or answer of its source has it
# no more, and its row stays for the shipments that name it. `open_days` has a bit for each weekday, Monday's the
# lowest. Postal codes are without separators and folded, cities folded.
service_points = Table(
    "service_points",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("carrier_code", CodePointText, nullable=False),
    Column("carrier_service_point_id", CodePointText, nullable=False),
    Column("source", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("country_code", Text, nullable=False),
    Column("postal_code", CodePointText, nullable=False),
    Column("city", CodePointText, nullable=False),
    Column("cell", BigInteger, nullable=False),
    Column("latitude", Float, nullable=False),
    Column("longitude", Float, nullable=False),
    Column("carrier_shop_type", Text),
    Column("general_shop_type", Text),
    Column("open_days", Integer, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("document", Text, nullable=False),
    Index("uq_service_points_code", "account_id", "carrier_code", "carrier_service_point_id", unique=True),
    # Holds all that the nearest are found by, so that rows are read of those alone.
    Index("ix_service_points_cell", *_FOUND_BY),
    Index("ix_service_points_postal_code", "account_id", "country_code", "postal_code"),
    Index("ix_service_points_city", "account_id", "country_code", "city"),
    Index("ix_service_points_country", "account_id", "country_code", "id"),
)
