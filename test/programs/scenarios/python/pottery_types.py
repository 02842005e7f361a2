"""pottery: containers of Python's, Redlock, a Bloom filter."""

from check import URL, check, version
from pottery import BloomFilter, HyperLogLog, NextID, RedisDeque, RedisDict, RedisList, RedisSet, Redlock
from redis import Redis

version("pottery")
redis = Redis.from_url(URL)


@check("containers")
def _():
    tel = RedisDict({"jack": 4098}, redis=redis, key="tel")
    tel["guido"] = 4127
    assert dict(tel) == {"jack": 4098, "guido": 4127}
    squares = RedisList([1, 4, 9], redis=redis, key="squares")
    squares.append(16)
    squares.insert(0, 0)
    squares[1] = 2
    assert list(squares) == [0, 2, 4, 9, 16]
    deque = RedisDeque("ghi", redis=redis, key="letters")
    deque.append("j")
    deque.rotate(1)
    assert list(deque) == ["j", "g", "h", "i"]
    fruits = RedisSet({"pear", "plum"}, redis=redis, key="fruits")
    fruits.add("fig")
    fruits.discard("plum")
    assert "pear" in fruits and len(fruits) == 2


@check("locks and ids")
def _():
    lock = Redlock(key="printer", masters={redis}, auto_release_time=5)
    assert lock.acquire(blocking=False)
    assert lock.locked() > 0
    assert not Redlock(key="printer", masters={redis}).acquire(blocking=False)
    lock.extend()
    lock.release()
    ids = NextID(key="ids", masters={redis})
    assert [next(ids), next(ids)] == [1, 2]


@check("estimates")
def _():
    bloom = BloomFilter(num_elements=100, false_positives=0.01, redis=redis, key="bloom")
    bloom.add("rate")
    assert "rate" in bloom and "other" not in bloom
    google = HyperLogLog(redis=redis, key="searches")
    google.update({"a", "b", "c"})
    assert len(google) == 3
