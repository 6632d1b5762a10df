"""What a newcomer to these tools writes on the first afternoon: the yardstick for what the house's shape is worth.

FastAPI with request and response models, SQLAlchemy's ORM, an order and its items as rows of two tables, one order at a
time: looked up, made or changed, committed, read again. `python -m bench.naive URL` serves it; with `batch` behind that
it commits once for all orders of a request, as somebody does on the second afternoon.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict
from sqlalchemy import JSON, ForeignKey, UniqueConstraint, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from packhouse.cli import serve


class Row(DeclarativeBase):
    type_annotation_map = {dict[str, Any]: JSON}  # noqa: RUF012 - as the ORM wants it


class OrderRow(Row):
    __tablename__ = "naive_orders"
    __table_args__ = (UniqueConstraint("integration_id", "order_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    integration_id: Mapped[int]
    order_id: Mapped[str]
    order_number: Mapped[str] = mapped_column(index=True)
    status_code: Mapped[str] = mapped_column(index=True)
    order_created_at: Mapped[str] = mapped_column(index=True)
    order_details: Mapped[dict[str, Any]]
    payment_details: Mapped[dict[str, Any]]
    rest: Mapped[dict[str, Any]]
    items: Mapped[list["ItemRow"]] = relationship(cascade="all, delete-orphan", lazy="selectin")


class ItemRow(Row):
    __tablename__ = "naive_order_items"

    id: Mapped[int] = mapped_column(primary_key=True)
    order: Mapped[int] = mapped_column(ForeignKey("naive_orders.id"), index=True)
    name: Mapped[str]
    quantity: Mapped[int]
    total_price: Mapped[dict[str, Any]]
    rest: Mapped[dict[str, Any]]


class Shape(BaseModel):
    model_config = ConfigDict(extra="allow")


class Price(Shape):
    value: float
    currency: str


class Address(Shape):
    name: str
    address_line_1: str
    postal_code: str
    city: str
    country_code: str


class Integration(Shape):
    id: int


class Status(Shape):
    code: str
    message: str | None = None


class Item(Shape):
    name: str
    quantity: int
    total_price: Price


class Details(Shape):
    integration: Integration
    status: Status
    order_created_at: str
    order_items: list[Item]


class Payment(Shape):
    total_price: Price
    status: Status


class Order(Shape):
    order_id: str
    order_number: str
    order_details: Details
    payment_details: Payment
    shipping_address: Address | None = None
    billing_address: Address | None = None


class Receipt(BaseModel):
    id: int
    order_id: str
    order_number: str


class Answer(BaseModel):
    data: list[Receipt]


async def save_order(session: AsyncSession, order: Order) -> OrderRow:
    same = (
        OrderRow.integration_id == order.order_details.integration.id,
        OrderRow.order_id == order.order_id,
    )
    row = (await session.execute(select(OrderRow).where(*same))).scalar_one_or_none()
    if row is None:
        row = OrderRow(integration_id=order.order_details.integration.id, order_id=order.order_id)
        session.add(row)
    row.order_number = order.order_number
    row.status_code = order.order_details.status.code
    row.order_created_at = order.order_details.order_created_at
    row.order_details = order.order_details.model_dump(exclude={"order_items"})
    row.payment_details = order.payment_details.model_dump()
    row.rest = order.model_dump(exclude={"order_id", "order_number", "order_details", "payment_details"})
    row.items = [to_item(item) for item in order.order_details.order_items]
    return row


def to_item(item: Item) -> ItemRow:
    rest = item.model_dump(exclude={"name", "quantity", "total_price"})
    return ItemRow(name=item.name, quantity=item.quantity, total_price=item.total_price.model_dump(), rest=rest)


def make_app(url: str, *, by_batch: bool) -> FastAPI:
    engine = create_async_engine(
        url.replace("sqlite:", "sqlite+aiosqlite:").replace("postgresql:", "postgresql+asyncpg:")
    )
    session_of = async_sessionmaker(engine, expire_on_commit=False)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with engine.begin() as connection:
            await connection.run_sync(Row.metadata.create_all)
        yield
        await engine.dispose()

    app = FastAPI(lifespan=lifespan)

    @app.post("/api/v3/orders", response_model=Answer)
    async def post_orders(orders: list[Order]) -> Any:
        async with session_of() as session:
            rows = []
            for order in orders:
                rows.append(await save_order(session, order))
                if not by_batch:
                    await session.commit()
                    await session.refresh(rows[-1])
            await session.commit()
            return {"data": [{"id": r.id, "order_id": r.order_id, "order_number": r.order_number} for r in rows]}

    return app


def main(url: str, *, by_batch: bool) -> None:
    listener = serve.bind("127.0.0.1", 0)
    sys.stdout.write(orjson.dumps({"url": serve.to_url(listener, "127.0.0.1")}).decode() + "\n")
    sys.stdout.flush()
    uvicorn.Server(uvicorn.Config(make_app(url, by_batch=by_batch), access_log=False, log_config=None)).run(
        sockets=[listener]
    )


if __name__ == "__main__":
    main(sys.argv[1], by_batch="batch" in sys.argv[2:])
