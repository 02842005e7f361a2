"""limits: three strategies, each with scripts of its own."""

from check import URL, check, version
from limits import RateLimitItemPerMinute, storage, strategies

version("limits")
store = storage.storage_from_string(URL)


def counted(limiter, name):
    item = RateLimitItemPerMinute(5)
    assert [limiter.hit(item, name) for _ in range(6)] == [True] * 5 + [False]
    assert limiter.get_window_stats(item, name).remaining == 0
    limiter.clear(item, name)
    assert limiter.test(item, name)


@check("a fixed window")
def _():
    counted(strategies.FixedWindowRateLimiter(store), "fixed")


@check("a moving window")
def _():
    counted(strategies.MovingWindowRateLimiter(store), "moving")


@check("a sliding window of counters")
def _():
    counted(strategies.SlidingWindowCounterRateLimiter(store), "sliding")


@check("all is forgotten")
def _():
    assert store.check()
    store.reset()
