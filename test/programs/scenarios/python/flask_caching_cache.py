"""Flask-Caching with its Redis cache."""

from check import URL, check, version
from flask import Flask
from flask_caching import Cache

version("flask-caching")
app = Flask("scenario")
cache = Cache(app, config={"CACHE_TYPE": "RedisCache", "CACHE_REDIS_URL": URL, "CACHE_KEY_PREFIX": "site_"})
calls = []


@app.route("/")
@cache.cached(timeout=60)
def index():
    calls.append(1)
    return "page"


@cache.memoize(60)
def double(n):
    calls.append(n)
    return 2 * n


@check("a page is made once")
def _():
    client = app.test_client()
    assert [client.get("/").text for _ in range(3)] == ["page"] * 3
    assert calls == [1]


@check("functions are remembered and forgotten")
def _():
    with app.app_context():
        assert [double(3), double(3)] == [6, 6]
        assert calls == [1, 3]
        cache.delete_memoized(double)
        assert double(3) == 6 and calls == [1, 3, 3]
        cache.set_many({"a": 1, "b": 2})
        assert cache.get_many("a", "b") == [1, 2]
        cache.clear()
        assert cache.get("a") is None
