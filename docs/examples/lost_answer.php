<?php
// A test that is red until push_order survives a lost answer. Start `packhouse sandbox` and run `php lost_answer.php`.
// PACKHOUSE_SANDBOX names a sandbox elsewhere.
declare(strict_types=1);

const PATIENCE_SECONDS = 20;
$sandbox = getenv('PACKHOUSE_SANDBOX') ?: 'http://127.0.0.1:8000';

/** The decoded answer; null where none came. */
function call(string $url, string $method, ?array $body = null, array $headers = []): ?array
{
    $options = ['method' => $method, 'timeout' => PATIENCE_SECONDS, 'ignore_errors' => true];
    $options['header'] = ['Content-Type: application/json', ...$headers];
    if ($body !== null) {
        $options['content'] = json_encode($body, JSON_THROW_ON_ERROR);
    }
    $answer = @file_get_contents($url, false, stream_context_create(['http' => $options]));
    $status = $http_response_header[0] ?? '';
    if ($answer === false || $status === '') {
        return null;
    }
    if (!preg_match('#^HTTP/\S+ 2#', $status)) {
        throw new RuntimeException("$method $url: $status $answer");
    }
    return $answer === '' ? [] : json_decode($answer, true, 512, JSON_THROW_ON_ERROR);
}

/** Your code: it sends the order again, with the same key, when no answer comes. */
function push_order(string $url, array $headers, array $order): void
{
    $headers[] = 'Idempotency-Key: ' . bin2hex(random_bytes(16));
    for ($attempt = 1; $attempt <= 3; $attempt++) {
        if (call("$url/api/v3/orders", 'POST', [$order], $headers) !== null) {
            return;
        }
    }
    throw new RuntimeException('No answer came three times.');
}

$account = call("$sandbox/sandbox/accounts", 'POST', ['country_code' => 'NL'])['data'];
$headers = ['Authorization: Basic ' . base64_encode("{$account['public_key']}:{$account['secret_key']}")];
$fault = ['name' => 'answer_lost', 'match' => ['method' => 'POST'], 'times' => 1];
call("$sandbox/sandbox/faults", 'POST', $fault, $headers);

$price = ['value' => 12.5, 'currency' => 'EUR'];
push_order($sandbox, $headers, [
    'order_id' => 'T-1',
    'order_number' => 'T-1',
    'order_details' => [
        'integration' => ['id' => $account['integration_id']],
        'status' => ['code' => 'unfulfilled', 'message' => 'Unfulfilled'],
        'order_created_at' => '2026-11-27T09:30:00+01:00',
        'order_items' => [['name' => 'Green tea', 'quantity' => 1, 'total_price' => $price]],
    ],
    'payment_details' => ['total_price' => $price, 'status' => ['code' => 'paid', 'message' => 'Paid']],
]);

$orders = call("$sandbox/api/v3/orders", 'GET', null, $headers)['data'];
if (count($orders) !== 1) {
    throw new RuntimeException('There are ' . count($orders) . ' orders.');
}
call("$sandbox/sandbox/verify", 'POST', ['method' => 'POST', 'path' => '/api/v3/orders', 'times' => 2], $headers);
echo "The order was pushed once.\n";
