"""celery: kombu's transport over lists and sorted sets, results by messages."""

import logging

from celery import Celery, chord, group
from celery.contrib.testing.worker import start_worker
from check import URL, check, version

version("celery")
logging.disable(logging.CRITICAL)
app = Celery("scenario", broker=URL, backend=URL)
app.conf.update(broker_connection_retry_on_startup=True, result_expires=60, worker_hijack_root_logger=False)
attempts = []


@app.task
def add(a, b):
    return a + b


@app.task
def total(numbers):
    return sum(numbers)


@app.task(bind=True, max_retries=2)
def flaky(self):
    attempts.append(1)
    if len(attempts) < 3:
        raise self.retry(countdown=0)
    return "done"


with start_worker(app, perform_ping_check=False, pool="solo", loglevel="CRITICAL"):

    @check("tasks and their results")
    def _():
        results = [add.delay(n, n) for n in range(20)]
        assert [result.get(timeout=20) for result in results] == [2 * n for n in range(20)]

    @check("groups and chords")
    def _():
        assert group(add.s(n, 1) for n in range(5))().get(timeout=20) == [1, 2, 3, 4, 5]
        assert chord((add.s(n, n) for n in range(4)), total.s())().get(timeout=20) == 12

    @check("retries and countdowns")
    def _():
        assert flaky.delay().get(timeout=20) == "done"
        assert add.apply_async((1, 2), countdown=0.2).get(timeout=20) == 3
