"""What is kept is made once, whoever wants it, and nobody waits for another's work."""

import threading

from inspectnet.explorer.kept import Kept


def test_a_value_is_made_once_for_several_threads():
    kept, made, start = Kept(), [], threading.Barrier(8)

    def want():
        start.wait()
        assert kept.keep("kind", 1, lambda: made.append(1) or "value") == "value"

    threads = [threading.Thread(target=want) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [1] and kept.holds("kind", 1)


def test_one_value_does_not_wait_for_another():
    kept, begun, end = Kept(), threading.Event(), threading.Event()
    slow = threading.Thread(target=lambda: kept.keep("kind", 1, lambda: begun.set() or end.wait(10)))
    slow.start()
    begun.wait(10)
    assert kept.keep("kind", 2, lambda: "quick") == "quick"
    end.set()
    slow.join()


def test_of_a_kind_those_used_last_are_kept():
    kept = Kept()
    for key in (1, 2, 3, 1, 4):
        assert kept.keep("kind", key, lambda key=key: key, most=2) == key
    kept.keep("other", 9, lambda: 9, most=1)
    assert [key for key in range(5) if kept.holds("kind", key)] == [1, 4]
    kept.forget()
    assert not kept.holds("other", 9)


def test_what_could_not_be_made_is_made_the_next_time():
    kept = Kept()
    try:
        kept.keep("kind", 1, lambda: 1 / 0)
    except ZeroDivisionError:
        assert kept.keep("kind", 1, lambda: 2) == 2
