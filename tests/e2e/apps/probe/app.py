"""Tells what it sees from inside, and does harm when asked: the app that most cases push."""

import json
import os
import signal
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

VERSION = "one"
hoard = []


def connect(host, port, kind="tcp", **_):
    """"open", or why not."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM) as s:
        s.settimeout(1.5)
        try:
            s.connect((host, int(port)))
            if kind == "udp":
                s.send(b"hello")
                s.recv(1)
            return "open"
        except OSError as error:
            return f"closed: {error}"


def resolve(name, **_):
    try:
        return socket.getaddrinfo(name, 80, socket.AF_INET)[0][4][0]
    except OSError as error:
        return f"closed: {error}"


def gateway(**_):
    with open("/etc/resolv.conf", encoding="ascii") as file:
        return next(line.split()[1] for line in file if line.startswith("nameserver"))


def address(**_):
    """This instance's own address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(("192.0.2.1", 9))
        return s.getsockname()[0]


def environment(**_):
    return json.dumps(dict(os.environ))


def headers(_headers, **_):
    return json.dumps({key.lower(): value for key, value in _headers.items()})


def say(text, stream="out", times="1", **_):
    for number in range(int(times)):
        print(text.replace("%d", str(number)), file=sys.stderr if stream == "err" else sys.stdout,
              flush=True)
    return "said"


def leave(code="0", sign=None, **_):
    if sign:
        signal.pthread_kill(threading.get_ident(), int(sign))  # this thread: no step further
    os._exit(int(code))


def eat(mb, **_):
    for _ in range(int(mb)):
        hoard.append(b"\1" * (1 << 20))
    return f"ate {mb}"


def fill(mb, where="/home", **_):
    written = 0
    for place in (where, "/tmp", "."):
        try:
            with open(os.path.join(place, "fill"), "wb") as file:
                for _ in range(int(mb)):
                    file.write(b"\1" * (1 << 20))
                    file.flush()
                    written += 1
            return f"wrote {written}"
        except OSError as error:
            if error.errno == 28 or written:
                return f"stopped after {written} MB: {error.strerror}"
    return "no place to write"


def bomb(**_):
    """Forks until it may not; each child waits."""
    count = 0
    while count < 100_000:
        try:
            pid = os.fork()
        except OSError as error:
            return f"stopped after {count}: {error.strerror}"
        if pid == 0:
            time.sleep(600)
            os._exit(0)
        count += 1
    return f"no limit up to {count}"


def slow(seconds="1", **_):
    time.sleep(float(seconds))
    return "at last"


def who(**_):
    with open("/proc/self/status", encoding="ascii") as file:
        return file.read()


def root(**_):
    return f"probe {VERSION} {os.environ.get('GREETING', '')} {os.environ['CF_INSTANCE_INDEX']}\n"


PATHS = {"/": root, "/connect": connect, "/resolve": resolve, "/gateway": gateway,
         "/address": address, "/env": environment, "/headers": headers, "/say": say,
         "/leave": leave, "/eat": eat, "/fill": fill, "/bomb": bomb, "/slow": slow, "/who": who}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet

    def do_GET(self):
        url = urlsplit(self.path)
        wanted = {key: values[-1] for key, values in parse_qs(url.query).items()}
        work = PATHS.get(url.path)
        text = (work(**wanted, _headers=self.headers) if work else "nothing here").encode()
        self.send_response(200 if work else 404)
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        self.wfile.write(text)

    def do_POST(self):
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = False  # those at work are waited for


server = Server(("0.0.0.0", int(os.environ["PORT"])), Handler)
signal.signal(signal.SIGTERM, lambda *_: (
    print("SIGTERM: leaving", flush=True), threading.Thread(target=server.shutdown).start()))
print("listening", flush=True)
server.serve_forever()
print("left", flush=True)
os._exit(0)
