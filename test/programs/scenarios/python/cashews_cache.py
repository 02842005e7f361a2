"""cashews: a cache with tags, locks and limits."""

import asyncio

from cashews import Cache
from check import URL, check, version

version("cashews")


async def opened():
    cache = Cache()
    cache.setup(URL, client_side=False)
    await cache.init()
    return cache


@check("values, patterns and tags")
async def _():
    cache = await opened()
    await cache.set("user:1", {"name": "Ada"}, expire="1m")
    await cache.set_many({"user:2": 2, "user:3": 3}, expire="1m")
    assert await cache.get("user:1") == {"name": "Ada"}
    assert await cache.get_many("user:2", "user:3") == (2, 3)
    assert await cache.incr("n") == 1
    cache.register_tag("tag", "item:{key}")
    await cache.set("item:1", 1, expire="1m", tags=["tag"])
    await cache.delete_tags("tag")
    assert await cache.get("item:1") is None
    await cache.delete_match("user:*")
    assert await cache.get("user:2") is None


@check("a function is called once, a lock lets in one")
async def _():
    cache = await opened()
    calls = []

    @cache(ttl="1m", key="slow:{n}", lock=True)
    async def slow(n):
        calls.append(n)
        await asyncio.sleep(0.05)
        return n

    assert await asyncio.gather(*(slow(1) for _ in range(5))) == [1] * 5
    assert calls == [1]
    inside = []
    most = []

    async def enter():
        async with cache.lock("door", expire="5s"):
            inside.append(1)
            most.append(len(inside))
            await asyncio.sleep(0.01)
            inside.pop()

    await asyncio.gather(*(enter() for _ in range(5)))
    assert max(most) == 1
