"""redis-py, as its users use it. Runs with the 4.x of Debian and with the current one."""
import os
import sys
import threading
import traceback

import redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError, NoScriptError, ResponseError, WatchError
from redis.retry import Retry

HOST, PORT, TOKEN = os.environ["KV_HOST"], int(os.environ["KV_PORT"]), os.environ["KV_TOKEN"]
URL = f"redis://:{TOKEN}@{HOST}:{PORT}/0"


def tell(*words):
    print(*(str(word).replace("\n", " ") for word in words), flush=True)


def feature(name):
    def run(check):
        try:
            check()
            tell("ok", name)
        except Exception as error:
            line = traceback.extract_tb(error.__traceback__)[-1].lineno
            tell("fail", name, f"{type(error).__name__}: {error} (line {line})")

    return run


MAJOR = int(redis.__version__.split(".")[0])
tell("version", redis.__version__)
r = redis.Redis(host=HOST, port=PORT, password=TOKEN, decode_responses=True)
raw = redis.Redis(host=HOST, port=PORT, password=TOKEN)


@feature("url")
def _():
    with redis.from_url(URL, decode_responses=True, client_name="probe") as client:
        assert client.ping() is True
        assert client.client_getname() == "probe"
        assert client.info()["redis_version"]


@feature("hostport")
def _():
    assert r.ping() is True
    assert r.client_id() > 0
    assert any(entry["id"] for entry in r.client_list())


@feature("strings")
def _():
    assert r.set("s", "v", ex=100, nx=True) is True
    assert r.set("s", "w", nx=True) is None
    assert r.get("s") == "v" and 0 < r.ttl("s") <= 100
    assert r.incr("n") == 1 and r.incrby("n", 9) == 10 and r.decr("n") == 9
    assert r.incrbyfloat("f", 1.5) == 1.5
    assert r.append("s", "w") == 2 and r.getrange("s", 0, 0) == "v" and r.strlen("s") == 2
    assert r.mset({"a": "1", "b": "2"}) is True and r.mget("a", "b", "c") == ["1", "2", None]
    assert r.getdel("s") == "vw" and r.exists("s") == 0
    assert r.setbit("bits", 7, 1) == 0 and r.bitcount("bits") == 1
    assert r.pfadd("hll", "x", "y") == 1 and r.pfcount("hll") == 2


@feature("lists")
def _():
    assert r.rpush("l", "a", "b", "c") == 3 and r.lpush("l", "z") == 4
    assert r.lrange("l", 0, -1) == ["z", "a", "b", "c"]
    assert r.lpop("l") == "z" and r.rpop("l", 2) == ["c", "b"] and r.llen("l") == 1
    assert r.lpos("l", "a") == 0 and r.lmove("l", "l2", "LEFT", "RIGHT") == "a"


@feature("hashes")
def _():
    assert r.hset("h", mapping={"a": "1", "b": "2"}) == 2
    assert r.hgetall("h") == {"a": "1", "b": "2"} and r.hget("h", "a") == "1"
    assert r.hincrby("h", "a", 2) == 3 and sorted(r.hkeys("h")) == ["a", "b"]
    assert dict(r.hscan_iter("h")) == {"a": "3", "b": "2"} and r.hdel("h", "a") == 1


@feature("sets")
def _():
    assert r.sadd("t", "a", "b") == 2 and r.sadd("u", "b", "c") == 2
    assert r.smembers("t") == {"a", "b"} and set(r.sinter("t", "u")) == {"b"}
    assert r.sismember("t", "a") and r.smismember("t", ["a", "x"]) == [1, 0]
    assert set(r.sscan_iter("t")) == {"a", "b"} and r.srem("t", "a") == 1


@feature("zsets")
def _():
    pairs = lambda found: [(member, float(score)) for member, score in found]
    assert r.zadd("z", {"a": 1, "b": 2.5}) == 2
    assert pairs(r.zrange("z", 0, -1, withscores=True)) == [("a", 1.0), ("b", 2.5)]
    assert r.zincrby("z", 2, "a") == 3.0 and r.zscore("z", "b") == 2.5 and r.zrank("z", "a") == 1
    assert r.zrangebyscore("z", 2, 3) == ["b", "a"] and pairs(r.zpopmin("z")) == [("b", 2.5)]


@feature("streams")
def _():
    first = r.xadd("x", {"k": "v"})
    r.xadd("x", {"k": "w"}, maxlen=100, approximate=True)
    assert r.xlen("x") == 2 and r.xrange("x", first, first) == [(first, {"k": "v"})]
    assert r.xgroup_create("x", "g", id="0") is True
    found = r.xreadgroup("g", "c", {"x": ">"}, count=1)
    entries = found["x"][0] if isinstance(found, dict) else found[0][1]
    assert entries == [(first, {"k": "v"})]
    assert r.xpending("x", "g")["pending"] == 1 and r.xack("x", "g", first) == 1
    assert r.xinfo_stream("x")["length"] == 2
    assert r.xinfo_groups("x")[0]["name"] == "g"
    assert r.xautoclaim("x", "g", "c2", 0)[0] == "0-0"


@feature("pipeline")
def _():
    with r.pipeline(transaction=False) as pipe:
        for i in range(500):
            pipe.incr("pipelined")
        pipe.get("pipelined")
        assert pipe.execute() == [*range(1, 501), "500"]


@feature("transaction")
def _():
    with r.pipeline() as pipe:
        assert pipe.set("m", "1").incr("m").execute() == [True, 2]
    with r.pipeline() as pipe:
        pipe.watch("m")
        r.set("m", "9")
        pipe.multi()
        pipe.incr("m")
        try:
            pipe.execute()
            raise AssertionError("the watched key had changed")
        except WatchError:
            pass
    r.transaction(lambda pipe: (pipe.multi(), pipe.incr("m")), "m")
    assert r.get("m") == "10"


@feature("pubsub" if MAJOR < 8 else "pubsub but for PubSub.ping() with RESP3, which redis-py 8 misreads, also from Redis")
def _():
    with r.pubsub() as pubsub:
        pubsub.subscribe("news")
        pubsub.psubscribe("ne*")
        for _ in range(2):
            assert pubsub.get_message(timeout=5)["type"] in ("subscribe", "psubscribe")
        assert r.publish("news", "hello") == 2
        got = [pubsub.get_message(timeout=5) for _ in range(2)]
        assert sorted((m["type"], m["data"]) for m in got) == [("message", "hello"), ("pmessage", "hello")], got
        if MAJOR < 8:
            # From 8 on redis-py takes the +PONG of RESP3, also that of Redis itself, for a list.
            pubsub.ping()
            assert pubsub.get_message(timeout=5)["type"] == "pong"
        pubsub.unsubscribe()


@feature("blocking")
def _():
    timer = threading.Timer(0.1, lambda: raw.rpush("later", "job"))
    timer.start()
    assert list(r.blpop("later", timeout=10)) == ["later", "job"]
    timer.join()
    assert r.blpop("never", timeout=1) is None


@feature("script")
def _():
    script = r.register_script("return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}")
    assert script(keys=["c"], args=["x"]) == ["c", "x", 1]
    assert script(keys=["c"], args=["x"]) == ["c", "x", 2]
    assert r.eval("return ARGV[1]", 0, "v") == "v"
    try:
        r.evalsha("0" * 40, 0)
        raise AssertionError("an unknown script ran")
    except NoScriptError:
        pass


@feature("lock")
def _():
    lock = r.lock("resource", timeout=10, blocking_timeout=0.2)
    assert lock.acquire()
    assert not r.lock("resource", timeout=10, blocking_timeout=0.2).acquire()
    assert lock.extend(10) and lock.reacquire() and lock.owned()
    lock.release()
    with r.lock("resource", timeout=5):
        assert r.exists("resource") == 1


if MAJOR < 5:
    tell("none", "resp3", "since redis-py 5")
else:

    @feature("resp3")
    def _():
        for protocol in (2, 3):
            with redis.Redis(host=HOST, port=PORT, password=TOKEN, decode_responses=True, protocol=protocol) as client:
                client.delete("h3")
                client.hset("h3", "a", "1")
                assert client.hgetall("h3") == {"a": "1"}
                if protocol == 3:
                    assert client.execute_command("HELLO")["proto"] == 3


@feature("scan")
def _():
    for i in range(150):
        r.set(f"scan:{i}", i)
    assert sorted(r.scan_iter("scan:*", count=10)) == sorted(f"scan:{i}" for i in range(150))


@feature("binary")
def _():
    blob = bytes(range(256)) + b"\r\n$-1\r\n"
    raw.set(b"bin\x00\xff\r\n", blob)
    assert raw.get(b"bin\x00\xff\r\n") == blob
    raw.hset("binary-hash", blob, blob)
    assert raw.hgetall("binary-hash") == {blob: blob}


@feature("big")
def _():
    big = os.urandom(900 * 1024)
    raw.set("big", big)
    assert raw.get("big") == big
    raw.delete("big")


@feature("errors")
def _():
    def failure(call, kind):
        try:
            call()
        except kind as error:
            return str(error)
        raise AssertionError(f"no {kind.__name__}")

    r.set("string", "v")
    assert "wrong kind of value" in failure(lambda: r.lpush("string", "x"), ResponseError)
    assert "not an integer" in failure(lambda: r.incr("string"), ResponseError)
    wrong = redis.Redis(host=HOST, port=PORT, password="wrong")
    assert "invalid username-password" in failure(wrong.ping, (redis.exceptions.AuthenticationError, ResponseError))
    none = redis.Redis(host=HOST, port=PORT)
    assert "uthenticat" in failure(lambda: none.get("x"), redis.exceptions.AuthenticationError)
    assert "not offered" in failure(lambda: r.config_set("maxmemory", "1"), redis.exceptions.NoPermissionError)


@feature("reconnect")
def _():
    retrying = redis.Redis(host=HOST, port=PORT, password=TOKEN, decode_responses=True, retry=Retry(NoBackoff(), 3), retry_on_error=[ConnectionError])
    retrying.set("before", "1")
    tell("restart")
    sys.stdin.readline()
    assert retrying.get("before") == "1"
