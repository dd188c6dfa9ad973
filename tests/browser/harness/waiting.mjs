// Waiting for what becomes true, and finding processes by the folder they live in.

import { readFile, readdir, readlink } from "node:fs/promises";

/** Asks until the answer is truthy; errors count as "not yet" and are told if the time runs out. */
export async function until(what, ask, patience = 20_000, context = () => "") {
  const end = performance.now() + patience;
  let last;
  for (;;) {
    try {
      const answer = await ask();
      if (answer) return answer;
      last = undefined;
    } catch (error) {
      last = error;
      if (/ended with/.test(error.message)) throw error;
    }
    if (performance.now() > end) {
      throw new Error(`no sign of ${what} within ${patience} ms\n${last?.message ?? ""}\n${context()}`, { cause: last });
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Process ids that run inside the folder or name it in their arguments. */
export async function residents(folder) {
  const found = [];
  for (const name of await readdir("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    // A process may end while it is looked at; then it is not there.
    const words = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => "");
    if (words.split("\0").some((word) => word.includes(folder)) || cwd.startsWith(folder)) found.push(pid);
  }
  return found;
}

/** Whether the process is there. */
export function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    if (error.code === "ESRCH") return false;
    throw error;
  }
}
