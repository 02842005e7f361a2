"""walrus: containers, a cache, locks and rate limits, many of them scripts."""

from check import HOST, PASSWORD, PORT, check, version
from walrus import Database, IntegerField, Model, TextField

version("walrus")
db = Database(host=HOST, port=PORT, password=PASSWORD, db=0)


@check("containers")
def _():
    hash_ = db.Hash("h")
    hash_.update(a=1, b=2)
    assert hash_["a"] == b"1" and len(hash_) == 2
    list_ = db.List("l")
    list_.extend(["a", "b", "c"])
    assert list_[0] == b"a" and list_[-1] == b"c"
    zset = db.ZSet("z")
    zset.add({"one": 1, "two": 2})
    assert zset.score("two") == 2.0 and zset.rank("two") == 1 and len(zset) == 2
    stream = db.Stream("s")
    stream.add({"k": "v"})
    assert len(stream) == 1


@check("models with indexes")
def _():
    class User(Model):
        __database__ = db
        name = TextField(primary_key=True)
        age = IntegerField(index=True)

    for i in range(10):
        User.create(name=f"user{i}", age=i)
    assert sorted(user.name for user in User.query(User.age >= 7)) == ["user7", "user8", "user9"]


@check("a cache, a lock and a limit")
def _():
    cache = db.cache()
    calls = []

    @cache.cached(timeout=60)
    def slow(n):
        calls.append(n)
        return n * 2

    assert slow(2) == 4 and slow(2) == 4 and calls == [2]
    lock = db.lock("door", ttl=5000)
    assert lock.acquire(block=False)
    assert not db.lock("door", ttl=5000).acquire(block=False)
    assert lock.release()
    limit = db.rate_limit("mylimit", limit=3, per=60)
    assert [limit.limit("me") for _ in range(4)] == [False, False, False, True]
