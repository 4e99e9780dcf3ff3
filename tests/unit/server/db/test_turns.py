"""Writers take turns in the order in which they asked."""

import threading

import pytest

from server.db.turns import Turns
from tests.support.waiting import wait_until


def _ask_in_order(turns: Turns, count: int, order: list[int]) -> list[threading.Thread]:
    """Start threads one after another, each only when the one before it waits."""
    threads = []

    def work(number: int) -> None:
        with turns.taken(30):
            order.append(number)

    for number in range(count):
        thread = threading.Thread(target=work, args=(number,))
        thread.start()
        threads.append(thread)
        wait_until(lambda expected=number + 1: turns.waiting == expected, what="a waiter")  # type: ignore[misc]
    return threads


def test_turns_are_given_in_order_of_arrival() -> None:
    turns, order = Turns(), list[int]()
    with turns.taken(0):
        threads = _ask_in_order(turns, 20, order)
    for thread in threads:
        thread.join()

    assert order == list(range(20))


def test_turn_that_is_free_needs_no_wait() -> None:
    turns = Turns()
    with turns.taken(0):
        pass
    with turns.taken(0):
        assert turns.waiting == 0


def test_turn_that_is_taken_is_refused_at_once_without_a_wait() -> None:
    turns = Turns()
    with turns.taken(0), pytest.raises(TimeoutError), turns.taken(0):
        pass

    assert turns.waiting == 0


def test_writer_that_stopped_waiting_does_not_get_the_turn_of_the_next() -> None:
    turns, order = Turns(), list[int]()
    with turns.taken(0):
        with pytest.raises(TimeoutError), turns.taken(0.001):
            pass
        threads = _ask_in_order(turns, 2, order)
    for thread in threads:
        thread.join()

    assert order == [0, 1]


def test_turn_is_handed_over_after_an_error() -> None:
    turns = Turns()
    with pytest.raises(ZeroDivisionError), turns.taken(0):
        raise ZeroDivisionError
    with turns.taken(0):
        pass


def test_only_one_holds_the_turn_at_a_time() -> None:
    turns, inside, most = Turns(), [0], [0]

    def work() -> None:
        for _ in range(200):
            with turns.taken(30):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert most == [1]
