// Only compiled: what these lines read and send is what the types of openapi-typescript allow.
import type { components, operations, paths } from "./types";

const order: components["schemas"]["Order"] = {
  order_id: "o-1",
  order_number: "N-1",
  order_details: {
    integration: { id: 1 },
    status: { code: "unfulfilled", message: "Unfulfilled" },
    order_created_at: "2026-03-14T08:26:53+00:00",
    order_items: [{ name: "Green tea", quantity: 2, total_price: { value: 25, currency: "EUR" } }],
  },
  payment_details: { total_price: { value: 25, currency: "EUR" }, status: { code: "paid" } },
};

type Upsert = paths["/api/v3/orders"]["post"]["requestBody"]["content"]["application/json"];
type Label = operations["create_label_sync"]["responses"][201]["content"]["application/json"];
type Refusal = operations["get_order"]["responses"][404]["content"]["application/json"];

export const sent: Upsert = [order];
export const readFile = (label: Label): string | undefined => label.data.label?.file;
export const readStatus = (refusal: Refusal): string | undefined => refusal.errors[0]?.status;

// @ts-expect-error A quantity is a number.
export const wrong: Upsert = [{ ...order, order_details: { ...order.order_details, order_items: [{ quantity: "2" }] } }];
