"""huey: a list for tasks, a sorted set for what is due later, hashes for results."""

from check import URL, check, until, version
from huey import RedisHuey

version("huey")
huey = RedisHuey("scenario", url=URL)
attempts = []


@huey.task()
def add(a, b):
    return a + b


@huey.task(retries=2, retry_delay=0)
def flaky():
    attempts.append(1)
    if len(attempts) < 3:
        raise ValueError("again")
    return "done"


consumer = huey.create_consumer(workers=2, scheduler_interval=1, initial_delay=0.05, max_delay=0.1)
consumer.start()


@check("tasks and their results")
def _():
    results = [add(n, 1) for n in range(20)]
    assert [result.get(blocking=True, timeout=20) for result in results] == list(range(1, 21))


@check("retries, and what is due later")
def _():
    result = flaky()
    until(lambda: len(attempts) == 3)
    later = add.schedule((2, 3), delay=1)
    assert later.get(blocking=True, timeout=20) == 5
    del result


@check("a lock, and revoking")
def _():
    with huey.lock_task("one"):
        assert huey.is_locked("one")
    assert not huey.is_locked("one")
    later = add.schedule((1, 1), delay=3600)
    later.revoke()
    assert later.is_revoked()


consumer.stop(graceful=False)
