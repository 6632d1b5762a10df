// A test that is red until pushOrder survives a lost answer. Start `packhouse sandbox`, compile this file with tsc,
// and run it with `node --test`. PACKHOUSE_SANDBOX names a sandbox elsewhere.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

const SANDBOX = process.env.PACKHOUSE_SANDBOX ?? "http://127.0.0.1:8000";

interface Account {
  public_key: string;
  secret_key: string;
  integration_id: number;
}

async function call<T>(path: string, method: string, body?: unknown, headers: Record<string, string> = {}): Promise<T> {
  const answer = await fetch(SANDBOX + path, {
    method,
    headers: { "Content-Type": "application/json", ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${await answer.clone().text()}`);
  return (await answer.json()) as T;
}

function authorize(account: Account): Record<string, string> {
  const credentials = Buffer.from(`${account.public_key}:${account.secret_key}`).toString("base64");
  return { Authorization: `Basic ${credentials}` };
}

// Your code: it sends the order again, with the same key, when the connection breaks.
async function pushOrder(account: Account, order: object): Promise<void> {
  const headers = { ...authorize(account), "Idempotency-Key": randomUUID() };
  for (let attempt = 1; ; attempt += 1) {
    try {
      await call("/api/v3/orders", "POST", [order], headers);
      return;
    } catch (error) {
      // fetch throws a TypeError where no answer came; whatever was answered is not asked again.
      if (!(error instanceof TypeError) || attempt === 3) throw error;
    }
  }
}

test("an order is pushed once, though the answer is lost", async () => {
  const { data: account } = await call<{ data: Account }>("/sandbox/accounts", "POST", {});
  const headers = authorize(account);
  await call("/sandbox/faults", "POST", { name: "answer_lost", match: { method: "POST" }, times: 1 }, headers);

  await pushOrder(account, {
    order_id: "T-1",
    order_number: "T-1",
    order_details: {
      integration: { id: account.integration_id },
      status: { code: "unfulfilled", message: "Unfulfilled" },
      order_created_at: "2026-11-27T09:30:00+01:00",
      order_items: [{ name: "Green tea", quantity: 1, total_price: { value: 12.5, currency: "EUR" } }],
    },
    payment_details: { total_price: { value: 12.5, currency: "EUR" }, status: { code: "paid", message: "Paid" } },
  });

  const { data: orders } = await call<{ data: object[] }>("/api/v3/orders", "GET", undefined, headers);
  assert.equal(orders.length, 1);
  await call("/sandbox/verify", "POST", { method: "POST", path: "/api/v3/orders", times: 2 }, headers);
});
