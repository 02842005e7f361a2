"""rq: queues in lists, with registries in sorted sets, MULTI and WATCH."""

from datetime import timedelta

import redis
import tasks
from check import URL, check, version
from rq import Queue, Retry, SimpleWorker
from rq.job import Job
from rq.registry import FailedJobRegistry, ScheduledJobRegistry

version("rq")
connection = redis.Redis.from_url(URL)
queue = Queue(connection=connection)


def work():
    SimpleWorker([queue], connection=connection).work(burst=True, with_scheduler=False, logging_level="ERROR")


@check("jobs are worked off, with results")
def _():
    jobs = [queue.enqueue(tasks.add, n, 1) for n in range(20)]
    work()
    assert [Job.fetch(job.id, connection=connection).return_value() for job in jobs] == list(range(1, 21))
    assert queue.count == 0


@check("a job fails, is retried, and is requeued")
def _():
    job = queue.enqueue(tasks.fail, retry=Retry(max=1))
    work()
    registry = FailedJobRegistry(queue=queue)
    assert job.id in registry.get_job_ids()
    registry.requeue(job.id)
    assert job.id in queue.job_ids
    queue.empty()


@check("a job waits for another; one is scheduled and cancelled")
def _():
    first = queue.enqueue(tasks.add, 1, 1)
    second = queue.enqueue(tasks.add, 2, 2, depends_on=first)
    work()
    assert second.return_value() == 4
    later = queue.enqueue_in(timedelta(hours=1), tasks.add, 1, 2)
    assert later.id in ScheduledJobRegistry(queue=queue).get_job_ids()
    later.cancel()
    assert later.id not in ScheduledJobRegistry(queue=queue).get_job_ids()
