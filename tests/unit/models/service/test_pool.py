import asyncio
import threading

import pytest

from models.service.errors import ErrorCode, RefusalError
from models.service.logs import adopt_correlation_id
from models.service.pool import WorkerPool


def test_each_engine_is_used_by_one_job_at_a_time() -> None:
    async def scenario() -> set[str]:
        pool = WorkerPool(["first", "second"], wait_s=5.0)
        barrier = threading.Barrier(2)

        def job(engine: str) -> str:
            barrier.wait(5.0)  # both jobs are running now
            return engine

        used = set(await asyncio.gather(pool.run(job), pool.run(job)))
        pool.close()
        return used

    assert asyncio.run(scenario()) == {"first", "second"}


def test_a_job_that_finds_no_worker_in_time_is_told_to_come_back() -> None:
    async def scenario() -> RefusalError:
        pool = WorkerPool(["only"], wait_s=0.05)
        release = threading.Event()
        busy = asyncio.create_task(pool.run(lambda _engine: release.wait(5.0)))
        await asyncio.sleep(0)
        with pytest.raises(RefusalError) as caught:
            await pool.run(lambda engine: engine)
        release.set()
        assert await busy
        assert await pool.run(lambda engine: engine) == "only"
        pool.close()
        return caught.value

    refusal = asyncio.run(scenario())

    assert refusal.code is ErrorCode.OVERLOADED
    assert refusal.retry_after_s


def test_a_caller_who_gives_up_does_not_free_the_worker() -> None:
    async def scenario() -> None:
        pool = WorkerPool(["only"], wait_s=0.05)
        release = threading.Event()
        started = threading.Event()

        def job(_engine: str) -> None:
            started.set()
            release.wait(5.0)

        task = asyncio.create_task(pool.run(job))
        await asyncio.to_thread(started.wait, 5.0)
        task.cancel()
        with pytest.raises(RefusalError):
            await pool.run(lambda engine: engine)
        release.set()
        pool.close()

    asyncio.run(scenario())


def test_a_failing_job_gives_its_engine_back() -> None:
    async def scenario() -> str:
        pool = WorkerPool(["only"], wait_s=1.0)
        with pytest.raises(ZeroDivisionError):
            await pool.run(lambda _engine: 1 // 0)
        answer = await pool.run(lambda engine: engine)
        pool.close()
        return answer

    assert asyncio.run(scenario()) == "only"


@pytest.mark.parametrize("offered", ["a", "A.b_c-9", "x" * 64])
def test_a_good_correlation_id_is_kept(offered: str) -> None:
    assert adopt_correlation_id(offered) == offered


@pytest.mark.parametrize("offered", [None, "", "x" * 65, "a b", "a\nb", "a\n", "é", '"', "{}"])
def test_a_bad_correlation_id_is_replaced(offered: str | None) -> None:
    assert adopt_correlation_id(offered) != offered
