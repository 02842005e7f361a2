"""django-redis as Django's cache."""

import django
from check import URL, check, version
from django.conf import settings

version("django-redis")
settings.configure(
    CACHES={
        "default": {
            "BACKEND": "django_redis.cache.RedisCache",
            "LOCATION": URL,
            "KEY_PREFIX": "site",
        }
    }
)
django.setup()
from django.core.cache import cache  # noqa: E402


@check("values, many at once, counters")
def _():
    cache.set("a", {"deep": [1, 2]}, timeout=60)
    assert cache.get("a") == {"deep": [1, 2]}
    cache.set_many({"b": 1, "c": 2})
    assert cache.get_many(["b", "c", "none"]) == {"b": 1, "c": 2}
    assert cache.add("b", 9) is False
    assert cache.incr("b", 5) == 6
    assert cache.get_or_set("d", lambda: 7) == 7
    assert cache.ttl("a") > 50


@check("patterns, locks, and clearing")
def _():
    assert sorted(cache.iter_keys("*")) == ["a", "b", "c", "d"]
    with cache.lock("door", timeout=5):
        assert cache.get("none") is None
    assert cache.delete_pattern("*") >= 4
    cache.set("e", 1)
    cache.clear()
    assert cache.get("e") is None
