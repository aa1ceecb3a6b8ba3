"""The sessions of a network: what is used stays, the rest goes, and what went is made again."""

from inspectnet.runtime.device import choose_device
from inspectnet.runtime.sessions import MOST, Sessions


def test_what_was_used_last_stays_and_the_rest_is_made_again():
    sessions, made = Sessions(choose_device("cpu")), []

    def ask(key):
        return sessions.keep(key, lambda: made.append(key) or key)

    for key in range(MOST):
        assert ask(key) == key
    ask(0)
    ask(MOST)  # one too many: 1 was used longest ago
    assert made == list(range(MOST + 1)) and len(sessions) == MOST
    ask(0)
    assert made == list(range(MOST + 1))
    ask(1)
    assert made[-1] == 1
    sessions.clear()
    ask(1)
    assert made[-2:] == [1, 1]
