#!/usr/bin/env python3
"""What curl and requests do with redirects: the cells of README.md's table that no Rust test has.

    python3 interop/peers/others.py

It needs curl, and requests (PyPI). Servers are on loopback. It prints a line for each cell, and fails where one is
otherwise.
"""

import http.server
import subprocess
import sys
import tempfile
import threading
import urllib.parse

import requests


class Server(http.server.ThreadingHTTPServer):
    """Notes what it is asked."""

    def __init__(self):
        self.seen = []
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, path, host="127.0.0.1"):
        return f"http://{host}:{self.server_address[1]}{path}"


class Handler(http.server.BaseHTTPRequestHandler):
    """`/to/STATUS?LOCATION` redirects there; all else is answered with 200 and the content that came."""

    protocol_version = "HTTP/1.1"

    def answer(self):
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Transfer-Encoding") == "chunked":
            while length := int(self.rfile.readline(), 16):
                content += self.rfile.read(length)
                self.rfile.readline()
            self.rfile.readline()
        self.server.seen.append((self.command, self.path, self.headers, content))
        path, _, location = self.path.partition("?")
        if path.startswith("/to/"):
            self.send_response(int(path.removeprefix("/to/")))
            self.send_header("Location", urllib.parse.unquote(location))
            content = b""
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PUT = answer

    def log_message(self, *_):
        pass


def curl(*arguments, **options):
    return subprocess.run(["curl", "-sSL", *arguments], capture_output=True, check=False, timeout=30, **options)


def error_of(call):
    try:
        call()
    except requests.RequestException as error:
        return error
    return None


def cells():
    """Yields who, what and whether it is so."""
    here, there = Server(), Server()
    secret, host = ("X-Api-Key", "secret"), ("Host", "mine.test")
    away = here.url("/to/302?" + there.url("/", "localhost"))
    chain = here.url("/to/302?/to/302?/to/302?/to/302?/")

    # A stream of standard input: the server reads it all, and then redirects.
    streamed = curl("-T", "-", here.url("/to/307?/stream"), input=b"ha ha")
    yield "curl", "a stream at a 307 is an error", streamed.returncode == 65
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"ha ha")
        file.flush()
        rewound = curl("-T", file.name, here.url("/to/307?/file"))
    yield "curl", "a file at a 307 is rewound", rewound.stdout == b"ha ha"

    limited = curl("--max-redirs", "2", chain)
    yield "curl", "the limit is an error", limited.returncode == 47
    session = requests.Session()
    session.max_redirects = 2
    error = error_of(lambda: session.get(chain))
    is_held = isinstance(error, requests.TooManyRedirects) and error.response.status_code == 302
    yield "requests", "the limit is an error, which has the response", is_held

    script = here.url("/to/302?javascript:alert(1)")
    yield "curl", "javascript: is an error", curl(script).returncode == 1
    error = error_of(lambda: requests.get(script, timeout=30))
    yield "requests", "javascript: is an error", isinstance(error, requests.exceptions.InvalidSchema)

    for name, value in (secret, host):
        curl("-H", f"{name}: {value}", away)
        sent = there.seen[-1][2].get(name) == value
        expected = name == "X-Api-Key"
        yield "curl", f"{name} is {'sent' if expected else 'removed'} at another host", sent == expected
        requests.get(away, headers={name: value}, timeout=30)
        yield "requests", f"{name} is sent at another host", there.seen[-1][2].get(name) == value

    inherited = requests.get(here.url("/to/302?/x") + "#here", timeout=30)
    yield "requests", "a fragment is inherited", inherited.url.endswith("#here")
    effective = ["-o", "/dev/null", "-w", "%{url_effective}"]
    inherited = curl(*effective, here.url("/to/302?/x") + "#here")
    yield "curl", "a fragment is not inherited", not inherited.stdout.endswith(b"#here")
    last = curl(*effective, here.url("/to/302?/x%23there"))
    yield "curl", "the last one is kept", last.stdout.endswith(b"#there")

    counted = curl("-o", "/dev/null", "-w", "%{num_redirects}", chain)
    yield "curl", "it says how many redirects there were", counted.stdout == b"4"
    yield "requests", "it says which URLs were on the way", len(requests.get(chain, timeout=30).history) == 4

    here.seen.clear()
    moved = here.url("/to/308?/new")
    curl("-o", "/dev/null", "-o", "/dev/null", moved, moved)
    session = requests.Session()
    for _ in range(2):
        session.get(moved)
    asked = sum(path.startswith("/to/") for _, path, _, _ in here.seen)
    yield "curl, requests", "a 308 is not remembered", asked == 4


def main():
    version = subprocess.run(["curl", "--version"], capture_output=True, check=True, text=True).stdout
    print(f"{' '.join(version.split()[:2])}, requests {requests.__version__}")
    found = list(cells())
    for who, what, is_so in found:
        print(f"{'yes' if is_so else 'NO':>4}  {who}: {what}")
    return 0 if all(is_so for _, _, is_so in found) else 1


if __name__ == "__main__":
    sys.exit(main())
