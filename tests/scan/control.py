"""A server with planted holes: what each scanner must find, or its silence about Watchroom means nothing.

`control.py web` answers plain HTTP one request after the other, believes whatever it is told, and prints its address.
`control.py tls <folder>` speaks TLS as nobody should any more, with a certificate that is too small and too old.
"""

import html
import json
import socket
import sqlite3
import ssl
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "Control", "version": "1"},
    "paths": {
        "/items": {
            "get": {
                "parameters": [{"name": "limit", "in": "query", "schema": {"type": "integer"}}],
                "responses": {"200": {"description": "Done"}},
            }
        }
    },
}
PAGE = """<!doctype html><title>Control</title><p>You looked for {found}</p><a href="/item?id=1">one</a>
<a href="/find?q=x">find</a><form action="/find"><input name="q"></form>"""


class Holes(BaseHTTPRequestHandler):
    """One hole for each scanner, each as it is found in the wild."""

    def do_GET(self):
        url = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        if url.path == "/items":
            # A failure of the server's own, for what its document allows.
            self.say(500 if int(query.get("limit", "1") or "0") < 0 else 200, "{}", "application/json")
        elif url.path == "/item":
            self.say(*item(query.get("id", "1")), "text/html")
        elif url.path == "/find":
            self.say(200, PAGE.format(found=query.get("q", "")), "text/html")
        else:
            self.say(200, PAGE.format(found=html.escape("nothing")), "text/html")

    def say(self, status, text, kind):
        body = text.encode()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def item(number):
    """A row by text that goes into the statement as it came."""
    base = sqlite3.connect(":memory:")
    base.executescript("create table items (id integer, name text); insert into items values (1, 'one'), (2, 'two');")
    try:
        rows = base.execute(f"select name from items where id = {number}").fetchall()
    except sqlite3.Error as error:
        return 500, f"<p>You have an error in your SQL syntax: sqlite3.OperationalError: {error}"
    return 200, "<p>" + " ".join(str(row[0]) for row in rows)


def web():
    server = HTTPServer(("127.0.0.1", 0), Holes)
    # Who hangs up is nobody's fault here.
    server.handle_error = lambda *_: None
    print(f"127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


def tls(folder):
    key, certificate = folder / "weak.key", folder / "weak.crt"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:1024", "-nodes", "-sha1", "-days", "1", "-subj", "/CN=weak"]
    subprocess.run([*made, "-keyout", key, "-out", certificate], check=True, stderr=subprocess.DEVNULL)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("AES128-SHA:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1  # Deprecated, which is what it is here for.
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    print(f"127.0.0.1:{listener.getsockname()[1]}", flush=True)
    while True:
        stream, _ = listener.accept()
        stream.settimeout(2)
        try:
            with context.wrap_socket(stream, server_side=True) as wire:
                wire.recv(4096)
                wire.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        except OSError:
            stream.close()


if __name__ == "__main__":
    web() if sys.argv[1] == "web" else tls(Path(sys.argv[2]))
