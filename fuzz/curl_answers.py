#!/usr/bin/env python3
"""Writes curl.txt: where curl goes from http://a.test/x/y?q, for the `Location`s in seeds/location.

Its `redirect_url` is what libcurl's URL parser (urlapi) makes of a `Location`. Nothing leaves the machine.
"""

import socket
import subprocess
import threading
from pathlib import Path

HERE = Path(__file__).parent
BASE = "http://a.test/x/y?q"


def locations():
    for seed in sorted((HERE / "seeds" / "location").iterdir()):
        location = seed.read_bytes().partition(b"\n")[2]
        # Neither can be in a field, and what is empty is none.
        if location.strip() and not any(byte in location for byte in b"\r\n\0") and len(location) < 400:
            yield location


def serve(listener, current):
    while True:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(
                b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nConnection: close\r\nLocation: "
                + current[0] + b"\r\n\r\n"
            )


def main():
    listener = socket.create_server(("127.0.0.1", 0))
    current = [b""]
    threading.Thread(target=serve, args=(listener, current), daemon=True).start()
    curl = ["curl", "--disable", "--silent", "--noproxy", "*", "--output", "/dev/null", "--write-out", "%{redirect_url}",
            "--connect-to", f"::127.0.0.1:{listener.getsockname()[1]}", BASE]
    version = subprocess.run(["curl", "--version"], capture_output=True, check=True).stdout.decode().split()[1]
    rows = []
    for current[0] in sorted(set(locations())):
        answer = subprocess.run(curl, capture_output=True).stdout
        rows.append(f"{ascii(current[0])[2:-1]}\t{ascii(answer)[2:-1] or '-'}\n")
    header = f"# Location, and where curl goes with it from {BASE}; - is nowhere. In Python's notation of bytes.\n"
    header += f"# Made with curl {version} by curl_answers.py.\n"
    (HERE / "curl.txt").write_text(header + "".join(rows))


main()
