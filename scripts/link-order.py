"""Writes the order in which the linker puts functions: `make link-order`, before a release (decision 0026).

Requests as they come all day are sent by curl to the program that is given out, its threads are followed instruction by
instruction, and the functions are written down in the order in which they are met. For x86-64.
"""

import bisect
import ctypes
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/scan"))
from room import BROWSER, Room  # noqa: E402

ORDER = ROOT / "crates/watchroom/link-order.txt"
CONFIGURATION = """
[identity.second_factors]
required_roles = []
[shield]
trusted_proxies = ["127.0.0.1"]
"""
HEADER = """\
# The functions a request goes through, as they are met. Made by `make link-order`; for what, decision 0026 tells.
# {compiler}; of another compiler, target or profile no name is found, and the program lies as it falls.
"""
# The first requests on a connection make what later ones find made. Of those that are followed, what only some go through is
# what the program does beside.
BEFORE, FOLLOWED = 3, 3
# Between two requests on a connection, so that there is time to begin following: curl's word for one each 3 s.
PACE = "20/m"

# Of <sys/ptrace.h> and <sys/wait.h>.
PEEKUSER, CONTINUE, SINGLESTEP, SEIZE, INTERRUPT = 3, 7, 9, 0x4206, 0x4207
ALL_THREADS, OWN_CHILDREN = 0x40000000, 0x20000000
# Where `struct user` has the instruction pointer.
INSTRUCTION_POINTER = 16 * 8

# What the processor looks up as one, in bytes.
PAGE = 4096

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.restype = ctypes.c_long
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def ptrace(request, thread, where=None, given=None):
    ctypes.set_errno(0)
    answer = libc.ptrace(request, thread, where, given)
    if ctypes.get_errno():
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return answer


class Follower:
    """Holds the threads of a process, and lets them run at once or instruction by instruction.

    It never lets go of them: a thread that is let go in the middle of a step dies of it.
    """

    def __init__(self, process):
        self.threads = {int(name) for name in os.listdir(f"/proc/{process}/task")}
        for thread in self.threads:
            ptrace(SEIZE, thread)

    def run(self, is_over, met=None):
        """Until `is_over`; with `met` step by step, and that gets every address, as they are met."""
        if met is not None:
            for thread in self.threads:
                ptrace(INTERRUPT, thread)
        while not is_over():
            thread, status = os.waitpid(-1, ALL_THREADS | OWN_CHILDREN | os.WNOHANG)
            if thread == 0:
                time.sleep(0.001 if met is None else 0)
            elif not os.WIFSTOPPED(status):
                self.threads.discard(thread)
            elif met is None:
                ptrace(CONTINUE, thread, given=self.signal_of(status))
            else:
                met.setdefault(ptrace(PEEKUSER, thread, INSTRUCTION_POINTER) % 2**64)
                ptrace(SINGLESTEP, thread, given=self.signal_of(status))

    def end(self, process):
        """Kills it, and hears of the end of each thread, without which the process does not end."""
        os.kill(process, signal.SIGKILL)
        while self.threads:
            thread, status = os.waitpid(-1, ALL_THREADS | OWN_CHILDREN)
            if not os.WIFSTOPPED(status):
                self.threads.discard(thread)

    @staticmethod
    def signal_of(status):
        """What the process was sent by somebody else, which it shall get."""
        is_ours = status >> 16 or os.WSTOPSIG(status) == signal.SIGTRAP
        return None if is_ours else os.WSTOPSIG(status)


def of_requests(room, follower, origin, *words):
    """The addresses of each of some requests to `origin` by curl, which has asked before on its connection."""
    asks = ["curl", "--silent", "--show-error", "--cacert", room.ca, "--rate", PACE, "-w", "%{stderr}%{http_code}\n"]
    for _ in range(BEFORE + FOLLOWED):
        asks += ["-o", os.devnull, origin + "/api/nodes"]
    curl = subprocess.Popen([*asks, *words], stderr=subprocess.PIPE, text=True)
    answers = []
    hearing = threading.Thread(target=lambda: answers.extend(iter(curl.stderr.readline, "")))
    hearing.start()
    follower.run(lambda: len(answers) >= BEFORE or curl.poll() is not None)
    requests = [{} for _ in range(FOLLOWED)]
    for number, met in enumerate(requests, BEFORE + 1):
        follower.run(lambda: len(answers) >= number or curl.poll() is not None, met)
    follower.run(lambda: curl.poll() is not None)
    hearing.join()
    if answers != ["200\n"] * (BEFORE + FOLLOWED):
        raise SystemExit(f"the requests of curl to {origin} {words[0]} were answered with {answers}")
    return requests


def functions_of(link_map):
    """Where each function begins, its size and its name, by the linker's own account of what it did."""
    found = []
    for line in link_map.read_text(errors="replace").splitlines()[1:]:
        address, _, size, _, what = line.split(None, 4)
        section = re.search(r":\(\.text\.(?:hot\.|unlikely\.)?([^)]+)\)$", what)
        if section:
            found.append((int(address, 16), int(size, 16), section.group(1)))
    return sorted(found)


def main(program, link_map):
    functions = functions_of(Path(link_map))
    begins = [begin for begin, _, _ in functions]

    def function_at(offset):
        at = bisect.bisect_right(begins, offset) - 1
        begin, size, name = functions[max(at, 0)]
        return name if begin <= offset < begin + size else None

    room = Room(program, configuration=CONFIGURATION)
    follower = None
    try:
        mapped = Path(f"/proc/{room.process.pid}/maps").read_text().splitlines()
        base = min(int(line.split("-")[0], 16) for line in mapped if line.endswith(str(Path(program).resolve())))
        bearer = ["-H", f"Authorization: Bearer {room.token}"]
        ways = {
            "by a token": [room.panel, "--http1.1", *bearer],
            # A proxy of this machine speaks no TLS to it.
            "behind a proxy": ["http://" + room.authority, "--http1.1", *bearer, "-H", "X-Forwarded-For: 192.0.2.7", "-H", "X-Forwarded-Proto: https"],
            "by a session": [room.panel, "--http2", "--user-agent", BROWSER, "-H", f"Cookie: {room.session()}"],
        }
        follower = Follower(room.process.pid)
        order = {}
        for name, words in ways.items():
            requests = of_requests(room, follower, *words)
            met = [dict.fromkeys(function_at(address - base) for address in request) for request in requests]
            always = [function for function in met[0] if function and all(function in other for other in met)]
            pages = {address // PAGE for address in requests[0] if function_at(address - base) in always}
            order.update(dict.fromkeys(always))
            print(f"{name}: {len(always)} functions on {len(pages)} pages of code")
    finally:
        if follower:
            follower.end(room.process.pid)
        room.close()
    compiler = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    ORDER.write_text(HEADER.format(compiler=compiler) + "\n".join(order) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
