"""dramatiq: a broker that is one large script."""

import dramatiq
from check import URL, check, until, version
from dramatiq.brokers.redis import RedisBroker
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend

version("dramatiq")
broker = RedisBroker(url=URL)
broker.add_middleware(Results(backend=RedisBackend(url=URL)))
dramatiq.set_broker(broker)
seen = []
attempts = []


@dramatiq.actor(store_results=True)
def double(n):
    seen.append(n)
    return 2 * n


@dramatiq.actor(max_retries=3, min_backoff=10, max_backoff=20)
def flaky():
    attempts.append(1)
    if len(attempts) < 3:
        raise ValueError("again")


worker = dramatiq.Worker(broker, worker_timeout=100, worker_threads=4)
worker.start()


@check("messages, with results")
def _():
    messages = [double.send(n) for n in range(30)]
    assert [message.get_result(block=True, timeout=20_000) for message in messages] == [2 * n for n in range(30)]
    broker.join("default")


@check("retries with a backoff, and delays")
def _():
    flaky.send()
    until(lambda: len(attempts) == 3)
    double.send_with_options(args=(99,), delay=200)
    until(lambda: 99 in seen)


@check("a group")
def _():
    group = dramatiq.group([double.message(n) for n in range(5)]).run()
    assert sorted(group.get_results(block=True, timeout=20_000)) == [0, 2, 4, 6, 8]


worker.stop()
