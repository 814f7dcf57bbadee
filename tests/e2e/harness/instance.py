#!/usr/bin/env python3
"""A small upstream program that writes down what reaches it.

  instance.py PORT JOURNAL MANNER

It answers with its MANNER:
  good     at once
  slow     after a while
  garbage  with what is no HTTP
  early    closes before a byte of its answer
  cut      closes within its answer
JOURNAL gets `begin -`, then of each request `in ID`, and `out ID` once its answer is sent.
SIGTERM: it listens no more, finishes what it has and ends.
"""

import os
import signal
import socket
import sys
import threading

_SLOW_S = 0.4
_BODY = b"x" * 200


class _Program:
    def __init__(self, port, journal, manner):
        self.manner = manner
        self.journal = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self.listener = socket.create_server(("127.0.0.1", port), backlog=512)
        os.write(self.journal, b"begin -\n")
        self.under_way, self.ending = 0, threading.Event()
        self.changed = threading.Condition()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # in every thread

    def run(self):
        threading.Thread(target=self._accept, daemon=True).start()
        signal.sigwait({signal.SIGTERM})  # a handler could not set an Event that is waited for
        self.ending.set()
        self.listener.close()
        with self.changed:
            self.changed.wait_for(lambda: self.under_way == 0, 20)
        os._exit(0)

    def _accept(self):
        while not self.ending.is_set():
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream = client.makefile("rb")
        try:
            while self._one(client, stream):
                pass
        except OSError:
            pass
        finally:
            stream.close()
            client.close()

    def _one(self, client, stream):
        if not stream.readline():
            return False
        fields = {}
        while (line := stream.readline().strip()):
            name, _, value = line.decode().partition(":")
            fields[name.lower()] = value.strip()
        stream.read(int(fields.get("content-length", 0)))
        one = fields.get("x-request-id", "-")
        with self.changed:
            self.under_way += 1
        try:
            os.write(self.journal, f"in {one}\n".encode())
            return self._answer(client, one)
        finally:
            with self.changed:
                self.under_way -= 1
                self.changed.notify_all()

    def _answer(self, client, one):
        if self.manner == "early":
            return False
        if self.manner == "garbage":
            client.sendall(b"\x16\x03 this is no HTTP\r\n\r\n")
            return False
        if self.manner == "slow":
            self.ending.wait(_SLOW_S)
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(_BODY)
        if self.manner == "cut":
            client.sendall(head + _BODY[:50])
            return False
        client.sendall(head + _BODY)
        os.write(self.journal, f"out {one}\n".encode())
        return True


if __name__ == "__main__":
    _Program(int(sys.argv[1]), sys.argv[2], sys.argv[3]).run()
