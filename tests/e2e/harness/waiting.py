"""Waiting on a condition with a deadline: the only way in which a case waits."""

import threading
import time

_never = threading.Event()
_INTERVAL_S = 0.02


class Failed(Exception):
    """What a case found to be wrong, for a person."""


def check(condition, message):
    if not condition:
        raise Failed(message() if callable(message) else message)


def equal(found, wanted, what):
    check(found == wanted, f"{what}: found {found!r}, wanted {wanted!r}")


def contains(text, part, what):
    check(part in text, f"{what} does not have {part!r}:\n{text}")


def until(condition, seconds, what, every_s=_INTERVAL_S):
    """The first true value of condition(). Failed after `seconds`, with what it said last.

    A condition that raises Failed or OSError is not true yet.
    """
    end = time.monotonic() + seconds
    while True:
        try:
            value = condition()
            said = repr(value)
        except (Failed, OSError) as error:
            value, said = None, str(error)
        if value:
            return value
        if time.monotonic() > end:
            raise Failed(f"not within {seconds} s: {what}; last: {said[:2000]}")
        _never.wait(every_s)


class Stopwatch:
    def __init__(self):
        self.began = time.monotonic()

    def seconds(self):
        return time.monotonic() - self.began
