"""The proxies that `bench/router` compares, and the upstream behind all of them.

All do the same work: find the upstream by host, keep connections on both sides for 75 s, limit the
same waits, try a request again under like rules, tell the app who asked (X-Forwarded-For, -Proto,
-Host and an id of the request). Nobody writes an access log, nobody puts an answer on disk. nginx
has buffers as large as Nuri's: with its default ones large answers cost it up to three times more.
"""

import json
import socket
import subprocess

from harness.ports import free_port, free_ports
from harness.realm import NURI
from programs import FILES, LOAD_CORE, PROXY_CORE, Program

HTTP_HOST, WEBSOCKET_HOST = "http.bench", "websocket.bench"
BODIES = {"/": 100, "/100k": 100 << 10, "/10m": 10 << 20}
_EVER = 1_000_000_000  # requests on one connection

_NGINX = """
daemon off; worker_processes 1; worker_rlimit_nofile {files}; user root;
pid {folder}/nginx.pid; error_log {folder}/error.log warn;
events {{ worker_connections {files}; }}
http {{
  access_log off; default_type text/plain; sendfile on; tcp_nopush on;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  keepalive_timeout 75s; keepalive_requests {ever};
  {inside}
}}
"""

_NGINX_UPSTREAM = """
  open_file_cache max=10; open_file_cache_valid 1h;
  server {{ listen 127.0.0.1:{port} backlog=4096; root {folder};
    location = / {{ return 200 "{small}"; }} }}
"""

_NGINX_PROXY = """
  upstream http_app {{ server 127.0.0.1:{http};
    keepalive 1024; keepalive_timeout 75s; keepalive_requests {ever}; }}
  upstream websocket_app {{ server 127.0.0.1:{websocket}; }}
  proxy_http_version 1.1;
  client_max_body_size 0; proxy_request_buffering off;
  proxy_connect_timeout 5s; proxy_send_timeout 60s; proxy_read_timeout 60s;
  proxy_next_upstream error timeout; proxy_next_upstream_tries 3;
  proxy_max_temp_file_size 0; proxy_buffers 8 32k; proxy_busy_buffers_size 64k;
  proxy_set_header Host $host;
  proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto $scheme;
  proxy_set_header X-Forwarded-Host $host; proxy_set_header X-Request-Id $request_id;
  ssl_certificate {certificate}; ssl_certificate_key {key};
  ssl_protocols TLSv1.2 TLSv1.3; ssl_session_tickets on; http2_max_requests {ever};
  server {{ listen 127.0.0.1:{port} backlog=4096;
    listen 127.0.0.1:{tls_port} ssl http2 backlog=4096; server_name {http_host};
    location / {{ proxy_pass http://http_app; proxy_set_header Connection ""; }} }}
  server {{ listen 127.0.0.1:{port}; server_name {websocket_host};
    location / {{ proxy_pass http://websocket_app;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; }} }}
"""

# `proxy_set_header` in a location takes the place of all of the outer ones.
_OUTER = [line.strip() for line in _NGINX_PROXY.split("\n")
          if line.startswith("  proxy_set_header")]
_NGINX_PROXY = _NGINX_PROXY.replace('proxy_set_header Connection "', " ".join(_OUTER)
                                    + ' proxy_set_header Connection "')

_HAPROXY = """
global
  nbthread 1
  maxconn 12000
  no strict-limits
defaults
  mode http
  timeout connect 5s
  timeout client 75s
  timeout http-keep-alive 75s
  timeout http-request 60s
  timeout server 60s
  timeout tunnel 1h
  http-reuse always
  retries 3
  option redispatch
  retry-on conn-failure empty-response
frontend all
  bind 127.0.0.1:{port} backlog 4096
  bind 127.0.0.1:{tls_port} backlog 4096 ssl crt {pem} alpn h2,http/1.1
  option forwardfor
  unique-id-format %[uuid()]
  unique-id-header X-Request-Id
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  use_backend websocket_app if {{ req.hdr(host),field(1,:) -i {websocket_host} }}
  use_backend http_app if {{ req.hdr(host),field(1,:) -i {http_host} }}
backend http_app
  server one 127.0.0.1:{http}
backend websocket_app
  server one 127.0.0.1:{websocket}
"""


class Bench:
    """The upstream's ports and the proxies before them, all in one scratch folder."""

    def __init__(self, scratch):
        self.scratch = scratch
        self.http, self.websocket = free_ports(2)
        self.certificate, self.key, self.pem = (scratch / name for name in
                                                ("certificate.pem", "key.pem", "both.pem"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=bench",
                        "-addext", f"subjectAltName=DNS:{HTTP_HOST}", "-keyout", self.key, "-out",
                        self.certificate], check=True, capture_output=True)
        self.pem.write_bytes(self.certificate.read_bytes() + self.key.read_bytes())

    def _nginx(self, name, inside, core, port, tls_port=None):
        folder = self.scratch / f"{name}.d"
        folder.mkdir(exist_ok=True)
        for path, size in BODIES.items():
            if path != "/":
                (folder / path[1:]).write_bytes(b"n" * size)
        file = self.scratch / f"{name}.conf"
        file.write_text(_NGINX.format(folder=folder, ever=_EVER, files=FILES,
                                      inside=inside.format(
                                          folder=folder, port=port, http=self.http,
                                          tls_port=tls_port, certificate=self.certificate,
                                          key=self.key,
                                          websocket=self.websocket, small="n" * BODIES["/"],
                                          http_host=HTTP_HOST, websocket_host=WEBSOCKET_HOST,
                                          ever=_EVER)))
        return Program(name, ["nginx", "-p", folder, "-c", file, "-e", folder / "error.log"],
                       {core}, port, self.scratch / f"{name}.log", tls_port)

    def upstream(self):
        return self._nginx("upstream", _NGINX_UPSTREAM, LOAD_CORE, self.http)

    def deaf_upstream(self):
        """In the place of upstream(): connections succeed, nobody reads."""
        return socket.create_server(("127.0.0.1", self.http), backlog=1024)

    def other_upstream(self):
        """One of WEBSOCKET_HOST's own, for requests; in the place of echo()."""
        return self._nginx("other", _NGINX_UPSTREAM, LOAD_CORE, self.websocket)

    def echo(self, program):
        return Program("echo", [program, "echo", self.websocket], {LOAD_CORE}, self.websocket,
                       self.scratch / "echo.log")

    def relay(self, program):
        port = free_port()
        return Program("bare relay", [program, port, self.http], {PROXY_CORE}, port,
                       self.scratch / "relay.log")

    def nginx(self):
        return self._nginx("nginx", _NGINX_PROXY, PROXY_CORE, *free_ports(2))

    def haproxy(self):
        port, tls_port = free_ports(2)
        file = self.scratch / "haproxy.cfg"
        file.write_text(_HAPROXY.format(port=port, tls_port=tls_port, pem=self.pem, http=self.http,
                                        websocket=self.websocket, http_host=HTTP_HOST,
                                        websocket_host=WEBSOCKET_HOST))
        return Program("haproxy", ["haproxy", "-db", "-f", file], {PROXY_CORE}, port,
                       self.scratch / "haproxy.log", tls_port)

    def nuri(self, name="nuri", threads=1, cores=(PROXY_CORE,), flags=()):
        port, tls_port = free_ports(2)
        file = self.scratch / "routes.json"
        routes = [{"host": host, "upstreams": [{"address": f"127.0.0.1:{upstream}"}]}
                  for host, upstream in ((HTTP_HOST, self.http), (WEBSOCKET_HOST, self.websocket))]
        file.write_text(json.dumps({"routes": routes, "certificates": [
            {"chain": str(self.certificate), "key": str(self.key)}]}))
        return Program(name, [NURI, "router", "--table", file, "--listen", f"127.0.0.1:{port}",
                              "--tls", f"127.0.0.1:{tls_port}", "--threads", threads, *flags],
                       set(cores), port, self.scratch / f"{name}.log", tls_port)


def has_loop_flag():
    said = subprocess.run([NURI, "router", "--help"], capture_output=True, text=True, check=False)
    return "--loop" in said.stdout
