<?php
// phpredis, as its users use it.
$host = getenv('KV_HOST');
$port = (int) getenv('KV_PORT');
$token = getenv('KV_TOKEN');

function tell(...$words) { echo str_replace("\n", ' ', implode(' ', $words)), "\n"; flush(); }
function same($got, $want) {
    if ($got !== $want) throw new Exception('got ' . json_encode($got) . ' instead of ' . json_encode($want));
}
function feature($name, $check) {
    try {
        $check();
        tell('ok', $name);
    } catch (Throwable $error) {
        tell('fail', $name, get_class($error) . ': ' . $error->getMessage());
    }
}
function dial($auth) {
    global $host, $port;
    $redis = new Redis();
    $redis->connect($host, $port, 5);
    if ($auth !== null) $redis->auth($auth);
    return $redis;
}

tell('version', phpversion('redis'));
$r = dial($token);
tell('none', 'url', 'phpredis takes no URL');
feature('hostport', function () use ($r, $token) {
    same($r->ping(), true);
    same(dial(['anyone', $token])->ping('x'), 'x');
    same(isset($r->info()['redis_version']), true);
});
feature('strings', function () use ($r) {
    same($r->set('s', 'v', ['nx', 'ex' => 100]), true);
    same($r->set('s', 'w', ['nx']), false);
    same($r->get('s'), 'v');
    same($r->incr('n'), 1);
    same($r->incrByFloat('f', 1.5), 1.5);
    same($r->mGet(['s', 'none']), ['v', false]);
});
feature('lists', function () use ($r) {
    same($r->rPush('l', 'a', 'b', 'c'), 3);
    same($r->lRange('l', 0, -1), ['a', 'b', 'c']);
    same($r->rPop('l'), 'c');
});
feature('hashes', function () use ($r) {
    same($r->hMSet('h', ['a' => '1', 'b' => '2']), true);
    $all = $r->hGetAll('h');
    ksort($all);
    same($all, ['a' => '1', 'b' => '2']);
    same($r->hIncrBy('h', 'a', 2), 3);
});
feature('sets', function () use ($r) {
    same($r->sAdd('t', 'a', 'b'), 2);
    same($r->sAdd('u', 'b', 'c'), 2);
    same($r->sInter('t', 'u'), ['b']);
});
feature('zsets', function () use ($r) {
    same($r->zAdd('z', 1, 'a', 2.5, 'b'), 2);
    same($r->zRange('z', 0, -1, true), ['a' => 1.0, 'b' => 2.5]);
    same($r->zScore('z', 'b'), 2.5);
});
feature('streams', function () use ($r) {
    same($r->xAdd('x', '1-1', ['k' => 'v']), '1-1');
    same($r->xGroup('CREATE', 'x', 'g', '0'), true);
    same($r->xReadGroup('g', 'c', ['x' => '>'], 1), ['x' => ['1-1' => ['k' => 'v']]]);
    same($r->xAck('x', 'g', ['1-1']), 1);
});
feature('pipeline', function () use ($r) {
    $pipe = $r->multi(Redis::PIPELINE);
    for ($i = 0; $i < 500; $i++) $pipe->incr('pipelined');
    same($pipe->exec(), range(1, 500));
});
feature('transaction', function () use ($r, $token) {
    same($r->multi()->set('m', '1')->incr('m')->exec(), [true, 2]);
    $r->watch('m');
    dial($token)->set('m', '9');
    same($r->multi()->incr('m')->exec(), false);
});
feature('pubsub though subscribe returns by a read timeout only, also with Redis', function () use ($r, $token) {
    // subscribe returns by a read timeout only, also with Redis: another process publishes.
    $command = ['redis-cli', '-h', getenv('KV_HOST'), '-p', getenv('KV_PORT'), '-r', '100', '-i', '0.05', 'PUBLISH', 'news', 'hello'];
    $null = ['file', '/dev/null', 'r+'];
    $publisher = proc_open($command, [$null, $null, $null], $pipes, null, ['REDISCLI_AUTH' => $token, 'PATH' => getenv('PATH')]);
    $listener = dial($token);
    $listener->setOption(Redis::OPT_READ_TIMEOUT, 1);
    $got = null;
    try {
        $listener->subscribe(['news'], function ($redis, $channel, $message) use (&$got) {
            $got = "$channel $message";
            $redis->unsubscribe(['news']);
        });
    } catch (RedisException $late) {
        $listener->close();
    }
    proc_terminate($publisher);
    same($got, 'news hello');
});
feature('blocking', function () use ($r) {
    $r->rPush('later', 'job');
    same($r->blPop(['later'], 10), ['later', 'job']);
    same($r->blPop(['never'], 1), []);
});
feature('script', function () use ($r) {
    $script = "return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}";
    same($r->eval($script, ['c', 'x'], 1), ['c', 'x', 1]);
    same($r->evalSha($r->script('load', $script), ['c', 'x'], 1), ['c', 'x', 2]);
});
tell('none', 'lock', 'only its session handler has one');
tell('none', 'resp3', 'phpredis speaks RESP2');
feature('scan', function () use ($r) {
    for ($i = 0; $i < 150; $i++) $r->set("scan:$i", $i);
    $r->setOption(Redis::OPT_SCAN, Redis::SCAN_RETRY);
    $cursor = null;
    $found = [];
    while (($keys = $r->scan($cursor, 'scan:*', 10)) !== false) array_push($found, ...$keys);
    same(count(array_unique($found)), 150);
});
feature('binary', function () use ($r) {
    $blob = "\r\n$-1\r\n" . implode('', array_map('chr', range(0, 255)));
    $r->set("bin\0\xff", $blob);
    same($r->get("bin\0\xff") === $blob, true);
});
feature('big', function () use ($r) {
    $big = random_bytes(900 * 1024);
    same($r->set('big', $big), true);
    same($r->get('big') === $big, true);
});
feature('errors', function () use ($r) {
    same($r->lPush('s', 'x'), false);
    same(str_starts_with($r->getLastError(), 'WRONGTYPE'), true);
    $r->clearLastError();
    try {
        $r->config('SET', 'maxmemory', '1');
        $refusal = $r->getLastError() ?? '';
    } catch (RedisException $e) {
        $refusal = $e->getMessage();
    }
    same(str_starts_with($refusal, 'NOPERM'), true);
    foreach (['wrong' => 'WRONGPASS', '' => 'NOAUTH'] as $password => $prefix) {
        try {
            $stranger = dial($password === '' ? null : $password);
            $stranger->get('x');
            throw new Exception("no $prefix");
        } catch (RedisException $error) {
            same(str_starts_with($error->getMessage(), $prefix), true);
        }
    }
});
feature('reconnect', function () use ($r) {
    $r->set('before', '1');
    tell('restart');
    fgets(STDIN);
    same($r->get('before'), '1');
});
