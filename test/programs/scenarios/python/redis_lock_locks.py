"""python-redis-lock: locks that wait by BLPOP, and scripts that signal."""

import threading
import time

import redis_lock
from check import URL, check, version
from redis import Redis

version("python-redis-lock")
connection = Redis.from_url(URL)


@check("ten threads enter one after the other")
def _():
    inside = []
    most = []

    def enter():
        with redis_lock.Lock(connection, "door", expire=10):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.005)
            inside.pop()

    threads = [threading.Thread(target=enter) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1 and len(most) == 10


@check("a lock is renewed, extended and ends")
def _():
    lock = redis_lock.Lock(connection, "kept", expire=2, auto_renewal=True)
    assert lock.acquire(blocking=False)
    time.sleep(2.5)
    assert lock.locked()
    lock.release()
    short = redis_lock.Lock(connection, "short", expire=1)
    assert short.acquire(blocking=False)
    short.extend(60)
    assert not redis_lock.Lock(connection, "short", expire=1).acquire(blocking=False)
    redis_lock.reset_all(connection)
    assert redis_lock.Lock(connection, "short", expire=1).acquire(blocking=False)
