"""Scans Watchroom with the tools that others scan with: `make scan`, or `scan.py [tool ...]`.

Each tool is run twice with the same options: on the program, where it must find nothing, and on a server with planted
holes (`control.py`), where it must find something. Both are asked for; silence on both is a failure.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from room import BROWSER, Room

HERE = Path(__file__).parent
TOOLS_OF_PIP = HERE / ".tools"
# sqlmap and slowhttptest are older than TLS 1.3.
OLD = {"sqlmap": '[tls]\noldest = "1.2"\n', "slowhttptest": '[tls]\noldest = "1.2"\n'}
# Answers without an end.
ENDLESS = ["/api/stream", "/api/servers/{id}/console", "/api/audit/export"]
# Schemas cannot say which of their words are right: cursors are of this server's making, certificate requests are
# signed, passwords are hard to guess. That such input is refused is no fault of the document.
UNSAYABLE = "positive_data_acceptance"
# Operations that no token opens: of sessions, of nodes, of machines that ask to join, and the making of tokens.
MOST_CLOSED = 8
# What would end the session of whoever looks at everything: each answer would be the page of the sign-in from there on.
ENDS_IT = ["/logout", "/change-password*", "/profile/sessions/*", "/access/people/*", "/access/locks*", "/security/bans*"]
# Reports of browsers and a few others have limits that stand all the same. More would be a scan of an answer 429.
MOST_HELD_BACK = 100
MEDIUM = ["MEDIUM", "HIGH", "CRITICAL"]
# What testssl says of any certificate by a CA of one's own.
PRIVATE_CA = {"cert_chain_of_trust", "cert_revocation", "cert_crlDistributionPoints", "overall_grade", "grade_cap_reason"}


class Silent(Exception):
    """A tool ended without a verdict, which is neither good nor bad."""


def run(words, seconds, folder):
    """What a tool said, whatever its exit code, without its colours."""
    environment = {**os.environ, "HOME": str(folder), "TERM": "dumb"}
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, timeout=seconds, cwd=folder, env=environment,
        stdin=subprocess.DEVNULL, errors="replace",
    )
    return re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)


class Product:
    """The program, as somebody signed in meets it."""

    def __init__(self, room):
        self.room = room
        self.url = room.panel
        self.authority = room.authority
        self.schemathesis = ["--tls-verify", room.ca, "-H", f"Authorization: Bearer {room.token}"]
        self.token, self.ca = room.token, room.ca
        self.pages = [room.panel + "/login", room.panel + "/setup", room.panel + "/"]
        self.parameters = [
            f"{room.panel}/api/servers?name=talker&node=x&limit=5",
            f"{room.panel}/api/audit?text=x&user=x&action=x&resource=x&limit=5",
            f"{room.panel}/api/servers/{room.server}/logs?limit=5&from=0",
            f"{room.panel}/login?next=/servers",
        ]

    def document(self, folder):
        text = self.room.run("openapi")
        path = folder / "openapi.json"
        path.write_text(text)
        known = {"servers": self.room.server, "nodes": self.room.node}
        config = "".join(
            f'[[operations]]\ninclude-path-regex = "^/api/{kind}/[{{]id[}}]"\ninclude-method = "GET"\nparameters = {{ id = "{id}" }}\n'
            for kind, id in known.items()
        )
        (folder / "schemathesis.toml").write_text(config)
        return path


class Control:
    """The server with planted holes."""

    def __init__(self, kind, folder):
        words = [sys.executable, HERE / "control.py", kind, folder]
        self.process = subprocess.Popen([str(word) for word in words], stdout=subprocess.PIPE, text=True)
        self.authority = self.process.stdout.readline().strip()
        self.url = f"http://{self.authority}"
        self.schemathesis, self.token, self.ca = [], "", None
        self.pages = [self.url + "/"]
        self.parameters = [f"{self.url}/item?id=1"]

    def document(self, folder):
        import control

        path = folder / "control.json"
        path.write_text(json.dumps(control.DOCUMENT))
        (folder / "schemathesis.toml").write_text("")
        return path

    def close(self):
        self.process.kill()
        self.process.wait()


def schemathesis(target, folder):
    words = [TOOLS_OF_PIP / "schemathesis/bin/schemathesis", "run", target.document(folder), "--url", target.url, *target.schemathesis]
    for path in ENDLESS:
        words += ["--exclude-path", path]
    words += ["--max-examples", os.environ.get("SCAN_EXAMPLES", "20"), "--seed", "7", "--no-shrink", "--no-color"]
    words += ["--continue-on-failure", "--exclude-checks", UNSAYABLE, "--phases", "examples,coverage,fuzzing"]
    # A session's cookie of chance beside the token would be all that is looked at.
    words += ["--request-timeout", "30", "--generation-with-security-parameters", "false"]
    # An administrator may ask 1,000 times in any minute, and that limit has no switch. By the minute the tool would ask 900
    # times at the end of one and as often at the beginning of the next.
    words += ["--rate-limit", "15/s"]
    said = run(words, 3000, folder)
    if "Seed:" not in said:
        raise Silent(said[-2000:])
    # Python 3.11 itself fails now and then where Hypothesis describes its own functions; nothing was asked then.
    errors = [line for line in re.findall(r"^(?:Runtime|Network|Schema|Internal) Error$\n+(.+)$", said, re.M)
              if not line.startswith("AST constructor recursion")]
    failures = re.findall(r"^- (ST\d+ .*)$", said, re.M)
    operations = re.findall(r"^_{3,} ((?:GET|POST|PUT|PATCH|DELETE) \S+) _{3,}$", said, re.M)
    counted = re.search(r"(\d+) failures?", said.splitlines()[-1])
    found = [f"{counted.group(1)} failures: {sorted(set(operations))} {sorted(set(failures))}"] if counted else []
    if "mostly returned 429" in said:
        found.append("it was cut short by limits")
    closed = re.search(r"Authentication failed: (\d+) operations", said)
    if closed and int(closed.group(1)) > MOST_CLOSED:
        found.append(f"{closed.group(0)}: what is behind them was not scanned")
    if "Unresolvable references" in said:
        found.append("the document refers to what is not in it")
    if kept := os.environ.get("SCAN_KEEP"):
        Path(kept).mkdir(exist_ok=True)
        (Path(kept) / f"schemathesis-{target.authority.replace(':', '-')}.log").write_text(said)
    return found + errors


def wapiti(target, folder):
    found = []
    for number, page in enumerate(target.pages):
        report = folder / f"wapiti-{number}.json"
        words = [TOOLS_OF_PIP / "wapiti3/bin/wapiti", "-u", page, "--scope", "folder", "-f", "json", "-o", report, "--flush-session", "--color"]
        words += ["-m", "sql,timesql,xss,permanentxss,file,exec,crlf,redirect,csrf,csp,cookieflags,http_headers,methods"]
        words += ["--max-scan-time", "240", "--max-attack-time", "120", "-v", "0", "--no-bugreport"]
        if target.token:
            session = target.room.session()
            words += ["-H", f"Cookie: {session}", "-H", "Sec-Fetch-Site: same-origin", "-A", BROWSER]
            for path in ENDS_IT:
                words += ["-x", target.url + path]
        said = run(words, 1500, folder)
        if not report.exists():
            raise Silent(said[-2000:])
        if target.token and not target.room.knows(session):
            raise Silent("it has signed itself out: what is behind the sign-in was not scanned")
        listed = json.loads(report.read_text())["vulnerabilities"]
        found += [f"{kind}: {one['method']} {one['path']} {one['info']}" for kind, all in listed.items() for one in all]
    return found


def sqlmap(target, folder):
    found = []
    for url in target.parameters:
        words = ["sqlmap", "-u", url, "--batch", "--level", "5", "--risk", "3", "--flush-session", "--disable-coloring"]
        words += ["--technique", "BEU", "--output-dir", folder / "sqlmap", "--threads", "4", "--timeout", "20"]
        words += ["--skip", "user-agent,referer,host,cookie", "--ignore-code", "*", "--dbms", "SQLite"]
        if target.token:
            words += ["-H", f"Authorization: Bearer {target.token}"]
        said = run(words, 1500, folder)
        if "sqlmap identified the following injection point" in said:
            found.append(f"{url}: injectable")
        elif "do not appear to be injectable" not in said and "does not seem to be injectable" not in said:
            raise Silent(f"{url}: {said[-2000:]}")
    return found


def testssl(target, folder):
    report = folder / "testssl.json"
    report.unlink(missing_ok=True)
    words = ["testssl", "--jsonfile", report, "--warnings", "off", "--quiet", "--color", "0", "--ip", "one"]
    said = run([*words, "--add-ca", target.ca, target.authority] if target.ca else [*words, target.authority], 1500, folder)
    if not report.exists():
        raise Silent(said[-2000:])
    found = [one for one in json.loads(report.read_text()) if one["severity"] in MEDIUM]
    return [f"{one['id']}: {one['finding']}" for one in found if one["id"].split(" ")[0] not in PRIVATE_CA]


def sslyze(target, folder):
    report = folder / "sslyze.json"
    report.unlink(missing_ok=True)
    words = [TOOLS_OF_PIP / "sslyze/bin/sslyze", "--json_out", report, "--mozilla_config", "disable", "--certinfo", "--sslv2", "--sslv3"]
    words += ["--tlsv1", "--tlsv1_1", "--tlsv1_2", "--tlsv1_3", "--heartbleed", "--openssl_ccs", "--robot", "--reneg"]
    words += ["--compression", "--early_data", "--fallback", *(["--certinfo_ca_file", target.ca] if target.ca else [])]
    said = run([*words, target.authority], 600, folder)
    if not report.exists():
        raise Silent(said[-2000:])
    [result] = json.loads(report.read_text())["server_scan_results"]
    scans = result["scan_result"]
    if not scans:
        raise Silent(result["connectivity_error_trace"])
    results = {name: one["result"] for name, one in scans.items() if one and one.get("result")}
    old = ["ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1", "tls_1_2"]
    found = [f"speaks {name}" for name in old if results[f"{name}_cipher_suites"]["accepted_cipher_suites"]]
    weak = {
        "heartbleed": "is_vulnerable_to_heartbleed", "openssl_ccs_injection": "is_vulnerable_to_ccs_injection",
        "tls_compression": "supports_compression", "tls_1_3_early_data": "supports_early_data",
    }
    found += [name for name, key in weak.items() if results.get(name, {}).get(key)]
    if results.get("robot", {}).get("robot_result", "").startswith("VULNERABLE"):
        found.append("robot")
    for deployment in results["certificate_info"]["certificate_deployments"]:
        ours = [one for one in deployment["path_validation_results"] if "Custom" in one["trust_store"]["name"] or "Supplied" in one["trust_store"]["name"]]
        if target.ca and not any(one["was_validation_successful"] for one in ours):
            found.append("its certificate is not by its own CA")
        if deployment["verified_chain_has_sha1_signature"]:
            found.append("its certificate is signed with SHA-1")
    return found


def slowhttptest(target, folder):
    found = []
    kinds = {"headers": ["-H"], "body": ["-B"], "read": ["-X", "-k", "3", "-n", "5", "-w", "10", "-y", "20", "-z", "5"]}
    for kind, options in kinds.items():
        words = ["slowhttptest", *options, "-c", "200", "-r", "100", "-i", "5", "-l", "30", "-p", "3"]
        said = run([*words, "-u", target.pages[0]], 200, folder)
        verdicts = re.findall(r"service available:\s*(YES|NO)", said)
        if not verdicts:
            raise Silent(f"slow {kind}: {said[-2000:]}")
        if "NO" in verdicts:
            found.append(f"slow {kind}: the service was away")
    return found


TOOLS = {
    "schemathesis": (schemathesis, "web"),
    "wapiti": (wapiti, "web"),
    "sqlmap": (sqlmap, "web"),
    "testssl": (testssl, "tls"),
    "sslyze": (sslyze, "tls"),
    "slowhttptest": (slowhttptest, "web"),
}


def judged(program, name):
    """Whether a tool finds nothing in the program and something where there is something."""
    scan, kind = TOOLS[name]
    with tempfile.TemporaryDirectory(prefix="scan") as folder:
        folder = Path(folder)
        control = Control(kind, folder)
        try:
            planted = scan(control, folder)
        finally:
            control.close()
        room = Room(program, OLD.get(name, ""))
        try:
            found = scan(Product(room), folder)
            fallen = room.fallen()
            held_back = 0 if fallen else room.held_back()
        finally:
            room.close()
    found += [f"the program fell: {fallen}"] if fallen else []
    found += [f"{held_back} requests were held back, and so not scanned"] if held_back > MOST_HELD_BACK else []
    blind = "" if planted else ", WHICH SAYS NOTHING: it does not find what is there"
    print(f"{name}: {len(found)} found; {len(planted)} found among the planted holes{blind}", flush=True)
    for line in found + ([f"planted: {line[:300]}" for line in planted] if os.environ.get("SCAN_VERBOSE") else []):
        print(f"  {line}")
    return planted and not found


def main():
    program = os.environ["WATCHROOM"]
    wanted = sys.argv[1:] or list(TOOLS)
    failed = False
    for name in wanted:
        try:
            failed |= not judged(program, name)
        except Silent as why:
            print(f"{name}: NO VERDICT\n{why}")
            failed = True
    sys.exit(failed)


if __name__ == "__main__":
    main()
