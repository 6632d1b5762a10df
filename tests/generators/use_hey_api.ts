// Push an order, ship it and read it back, with the client that @hey-api/openapi-ts made.
import { client } from "./hey_api/client.gen";
import { createLabelSync, getOrder, listOrders, upsertOrders } from "./hey_api/sdk.gen";
import type { Order } from "./hey_api/types.gen";

declare const process: { argv: string[]; stdout: { write(text: string): void } };

async function main([url, credentials, text]: string[]): Promise<void> {
  const order = JSON.parse(text) as Order;
  client.setConfig({ baseUrl: url, auth: (scheme) => (scheme.scheme === "basic" ? credentials : undefined) });
  const pushed = await upsertOrders({ body: [order], throwOnError: true });
  const listed = await listOrders({ query: { order_id: order.order_id }, throwOnError: true });
  const integrationId = order.order_details?.integration?.id ?? 0;
  const label = await createLabelSync({
    body: { integration_id: integrationId, order: { order_id: order.order_id } },
    throwOnError: true,
  });
  const missing = await getOrder({ path: { id: 999999 } });
  process.stdout.write(
    JSON.stringify({
      pushed: pushed.data.data[0].order_id,
      listed: listed.data.data.map((one) => one.order_number),
      label: Boolean(label.data.data.label?.file),
      missing: missing.error?.errors[0].status,
    }),
  );
}

void main(process.argv.slice(2));
