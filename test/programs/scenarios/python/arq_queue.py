"""arq: a queue in a sorted set, taken with WATCH and MULTI."""

import asyncio

from arq import Retry, create_pool
from arq.connections import RedisSettings
from arq.worker import Worker
from check import HOST, PASSWORD, PORT, check, version

version("arq")
settings = RedisSettings(host=HOST, port=PORT, password=PASSWORD)


async def add(_context, a, b):
    return a + b


async def flaky(context):
    if context["job_try"] < 3:
        raise Retry(defer=0)
    return context["job_try"]


async def work():
    worker = Worker([add, flaky], redis_settings=settings, burst=True, poll_delay=0.02, handle_signals=False)
    await worker.async_run()
    await worker.close()


@check("jobs and their results")
async def _():
    pool = await create_pool(settings)
    jobs = [await pool.enqueue_job("add", n, 1) for n in range(20)]
    await work()
    assert [await job.result(timeout=10) for job in jobs] == list(range(1, 21))
    await pool.aclose()


@check("retries, one id once, and jobs that are due later")
async def _():
    pool = await create_pool(settings)
    job = await pool.enqueue_job("flaky")
    assert await pool.enqueue_job("add", 1, 1, _job_id="only") is not None
    assert await pool.enqueue_job("add", 1, 1, _job_id="only") is None
    later = await pool.enqueue_job("add", 2, 2, _defer_by=0.3)
    await asyncio.sleep(0.3)
    await work()
    assert await job.result(timeout=10) == 3
    assert await later.result(timeout=10) == 4
    await pool.aclose()
