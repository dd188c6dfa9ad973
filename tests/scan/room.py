"""What is scanned: the program in a folder of its own, on free ports, with accounts, tokens and a server."""

import json
import re
import signal
import sqlite3
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

PASSWORD = "Correct horse 9 battery staple"
# A session is worth nothing in another browser than the one that began it.
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
# Limits would cut a scan short. Input that looks like an attack is let through, so that what is behind is scanned.
KINDS = ["static", "sign_in", "page", "read", "change", "sensitive", "administration", "join", "node", "stream"]
# What the accounts hold: everything, as often as they like.
ROLE = "scanner"
ENOUGH = 1_000_000
CONFIGURATION = f"""
[identity.second_factors]
required_roles = []
[shield]
hsts = "always"
inspection.report_only = {json.dumps(KINDS)}
[shield.limits]
anonymous = []
presented = []
sign_in = []
sensitive = []
static_files = []
"""


class Room:
    def __init__(self, program, more="", configuration=CONFIGURATION):
        self.folder = tempfile.TemporaryDirectory(prefix="wr")
        self.path = Path(self.folder.name)
        (self.path / "watchroom.toml").write_text(configuration + more)
        rules = self.path / "node.toml"
        rules.write_text("[rules]\nsame_account = true\n")
        rules.chmod(0o600)
        self.base = [program, "--state", self.path / "state", "--config", self.path / "watchroom.toml"]
        self.log = (self.path / "log").open("wb")
        self.start()
        self.run("role", "create", ROLE, "--allow", "*")
        self.stop()
        # No role that people make has more than 1,000 requests a minute; tools that scan have.
        with sqlite3.connect(self.path / "state/db/watchroom.db") as database:
            database.execute("UPDATE roles SET per_minute = ? WHERE name = ?", (ENOUGH, ROLE))
        database.close()
        self.start()
        self.panel = json.loads((self.path / "state/run/endpoints.json").read_text())["panel"]
        self.authority = self.panel.removeprefix("https://")
        self.ca = self.path / "state/keys/panel-ca.crt"
        self.token = self.account("user-0")
        new = ["server", "create", "talker", "--restart-policy", "never", "--", "/bin/cat"]
        self.server = self.json(*new[:3], "-o", "json", *new[3:])["server"]["id"]
        self.node = self.json("node", "list", "-o", "json")["items"][0]["id"]

    def start(self):
        endpoints = self.path / "state/run/endpoints.json"
        endpoints.unlink(missing_ok=True)
        free = ["--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0", "--node-listen", "127.0.0.1:0"]
        self.process = subprocess.Popen(
            [*self.base, "up", *free], stdout=subprocess.DEVNULL, stderr=self.log, env={"WATCHROOM_LOG": "warn"}
        )
        began = time.monotonic()
        while not endpoints.exists():
            if self.process.poll() is not None or time.monotonic() - began > 60:
                raise SystemExit("the program did not start:\n" + (self.path / "log").read_text())
            time.sleep(0.05)
        time.sleep(1)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)

    def run(self, *words, given=""):
        done = subprocess.run([*self.base, *words], input=given, text=True, capture_output=True, env={})
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(words)}: {done.stderr}")
        return done.stdout

    def json(self, *words):
        return json.loads(self.run(*words))

    def account(self, name):
        self.run("user", "create", name, "--role", ROLE, "--password-file", "-", given=PASSWORD)
        made = ["--name", "scan", "--expires", "1d", "--allow-sensitive", "-o", "json"]
        return self.json("token", "create", "--for", name, *made)["token"]

    def session(self):
        """The cookie of somebody who signed in by the form, with `BROWSER`."""
        trusting = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=self.ca))
        stays = type("Stays", (urllib.request.HTTPRedirectHandler,), {"redirect_request": lambda *_: None})
        opener = urllib.request.build_opener(trusting, stays)
        opener.addheaders = [("User-Agent", BROWSER)]
        kept = lambda answer: next(
            one.split(";")[0] for one in answer.headers.get_all("set-cookie") if not one.split(";")[0].endswith("=")
        )
        page = opener.open(urllib.request.Request(self.panel + "/login", headers={"Accept": "text/html"}))
        csrf = re.search(r'name="csrf_token" value="([^"]+)"', page.read().decode()).group(1)
        fields = {"csrf_token": csrf, "username": "user-0", "password": PASSWORD}
        headers = {"Cookie": kept(page), "Sec-Fetch-Site": "same-origin", "Accept": "text/html"}
        form = urllib.request.Request(self.panel + "/login", urllib.parse.urlencode(fields).encode(), headers)
        try:
            opener.open(form)
        except urllib.error.HTTPError as moved:
            session = kept(moved)
            if self.knows(session):
                return session
        raise SystemExit("the form let nobody in")

    def knows(self, session):
        """Whether that still is the cookie of somebody who is signed in."""
        trusting = ssl.create_default_context(cafile=self.ca)
        headers = {"Cookie": session, "User-Agent": BROWSER}
        asked = urllib.request.Request(self.panel + "/api/auth/me", headers=headers)
        try:
            urllib.request.urlopen(asked, context=trusting).close()
            return True
        except urllib.error.HTTPError as refused:
            if refused.code == 401:
                return False
            raise

    def held_back(self):
        """How many requests a limit or a ban answered, in place of what was to be scanned."""
        ops = json.loads((self.path / "state/run/endpoints.json").read_text())["ops"]
        told = urllib.request.urlopen(ops + "/metrics").read().decode()
        counted = dict(re.findall(r'^watchroom_refusals_total\{why="([^"]+)"\} (\d+)', told, re.MULTILINE))
        return sum(int(counted.get(why, 0)) for why in ["rate-limited", "banned", "overloaded"])

    def fallen(self):
        """What went wrong in the program itself, if anything did."""
        if self.process.poll() is not None:
            return f"it ended with {self.process.returncode}"
        panics = [line for line in (self.path / "log").read_text().splitlines() if "panicked" in line]
        return "\n".join(panics)

    def close(self):
        self.stop()
        self.log.close()
        self.folder.cleanup()
