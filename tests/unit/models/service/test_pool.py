import asyncio
import threading
from collections.abc import Callable

import pytest

from models.service.errors import ErrorCode, RefusalError
from models.service.logs import adopt_correlation_id
from models.service.pool import WorkerPool, _Free
from tests.support.waiting import wait_until


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


def test_parts_of_a_job_run_on_the_free_engines_too_and_answer_in_order() -> None:
    async def scenario() -> list[tuple[int, str]]:
        pool = WorkerPool(["first", "second"], wait_s=5.0)
        barrier = threading.Barrier(2)

        def part(number: int) -> Callable[[str], tuple[int, str]]:
            def work(engine: str) -> tuple[int, str]:
                barrier.wait(5.0)  # two parts are running now
                return number, engine

            return work

        parts = [part(number) for number in range(6)]
        answers = await pool.run(lambda engine: pool.share(engine, parts))
        pool.close()
        return answers

    answers = asyncio.run(scenario())

    assert [number for number, _ in answers] == list(range(6))
    assert sorted(engine for _, engine in answers) == ["first"] * 3 + ["second"] * 3


def test_parts_of_a_job_keep_to_its_engine_while_the_others_are_busy() -> None:
    async def scenario() -> tuple[str, list[str]]:
        pool = WorkerPool(["first", "second"], wait_s=5.0)
        started, ended = threading.Event(), threading.Event()

        def other(engine: str) -> str:
            started.set()
            ended.wait(5.0)
            return engine

        busy = asyncio.create_task(pool.run(other))
        await asyncio.to_thread(started.wait, 5.0)
        used = await pool.run(lambda engine: pool.share(engine, [lambda each: each] * 20))
        ended.set()
        taken = await busy
        pool.close()
        return taken, used

    taken, used = asyncio.run(scenario())

    assert len(used) == 20
    assert taken not in used


def test_a_job_that_waits_for_an_engine_gets_it_before_another_job_s_parts() -> None:
    free, taken = _Free(["only"]), list[str]()
    engine = free.get()
    job = threading.Thread(target=lambda: taken.append(free.get(5.0)))
    job.start()
    wait_until(lambda: free._waiting, what="the job to wait")

    free.put(engine)
    spare = free.spare()
    job.join(5.0)

    assert spare is None
    assert taken == ["only"]


def test_a_part_that_fails_fails_its_job_and_frees_the_engines() -> None:
    async def scenario() -> list[str]:
        pool = WorkerPool(["first", "second"], wait_s=5.0)
        parts: list[Callable[[str], float]] = [lambda _engine: 1 / 0] * 9
        with pytest.raises(ZeroDivisionError):
            await pool.run(lambda engine: pool.share(engine, parts))
        barrier = threading.Barrier(2)

        def job(engine: str) -> str:
            barrier.wait(5.0)
            return engine

        used = sorted(await asyncio.gather(pool.run(job), pool.run(job)))
        pool.close()
        return used

    assert asyncio.run(scenario()) == ["first", "second"]


@pytest.mark.parametrize("offered", ["a", "A.b_c-9", "x" * 64])
def test_a_good_correlation_id_is_kept(offered: str) -> None:
    assert adopt_correlation_id(offered) == offered


@pytest.mark.parametrize("offered", [None, "", "x" * 65, "a b", "a\nb", "a\n", "é", '"', "{}"])
def test_a_bad_correlation_id_is_replaced(offered: str | None) -> None:
    assert adopt_correlation_id(offered) != offered
