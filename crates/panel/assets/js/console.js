// A server's console, live: follow or pause, search, send. Lines are text nodes; at most MOST of them stay in the page.
import { render } from "./sgr.js";
import { clockTime } from "./times.js";
import { csrfToken, word } from "./words.js";

const MOST = 5000;
const AT_ONCE = 500; // Lines laid out in one turn.
const LEAST_PAUSE_MS = 16; // A frame.
const MOST_PAUSE_MS = 1000;
const REST = 3; // Times the painting took: at most a quarter of the time goes into it.
const NEAR_END_PX = 24; // A line: nearer than that nobody means to be elsewhere.
const LEAST_WAIT_MS = 1000;
const MOST_WAIT_MS = 15000;

function lineNode(line) {
  const item = document.createElement("li");
  item.className = ["stdout", "stderr", "input", "system"].includes(line.source) ? line.source : "stdout";
  item.dataset.offset = line.offset;
  const at = document.createElement("time");
  const when = new Date(line.at);
  at.dateTime = line.at;
  at.title = `${when.toISOString().replace("T", " ").replace("Z", "")} UTC`;
  at.textContent = clockTime(when);
  const said = document.createElement("span");
  said.className = "said";
  said.append(render(line.text));
  item.append(at, said);
  return item;
}

function skippedNode(count) {
  const item = document.createElement("li");
  item.className = "skipped";
  item.textContent = word("skipped", { count });
  return item;
}

class View {
  constructor(list, follow) {
    this.list = list;
    this.follow = follow;
    this.next = 0;
    this.sought = "";
    this.waiting = [];
    this.rest = 0;
    this.pause = LEAST_PAUSE_MS;
  }

  get isFollowing() {
    return this.follow.getAttribute("aria-pressed") === "true";
  }

  setFollowing(isFollowing) {
    this.follow.setAttribute("aria-pressed", String(isFollowing));
    this.settle();
  }

  /** Goes to the end, if it follows, and remembers where the list rests: whatever leaves that place is a person. */
  settle() {
    if (this.isFollowing) this.list.scrollTop = this.list.scrollHeight;
    this.rest = this.list.scrollTop;
  }

  /** A scroll upwards lets go, one down to the end takes hold again. */
  scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.list;
    const isAtEnd = scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
    const isAsked = this.isFollowing ? scrollTop > this.rest - NEAR_END_PX : isAtEnd && scrollTop > this.rest;
    if (isAsked !== this.isFollowing) this.setFollowing(isAsked);
    else if (!isAsked) this.rest = scrollTop;
  }

  add(lines) {
    const fresh = lines.filter((line) => line.offset >= this.next);
    if (fresh.length === 0) return;
    this.next = fresh[fresh.length - 1].offset + 1;
    this.wait(...fresh);
  }

  skip(from, to) {
    this.next = Math.max(this.next, to);
    const last = this.waiting.at(-1);
    if (last?.skipped) last.skipped += to - from;
    else this.wait({ skipped: to - from });
  }

  /** A chatty server says more in a second than a page can hold: only the newest MOST wait, the others are counted. */
  wait(...items) {
    this.waiting.push(...items);
    const tooMany = this.waiting.length - MOST;
    if (tooMany > 0) {
      const dropped = this.waiting.splice(0, tooMany + 1);
      this.waiting.unshift({ skipped: dropped.reduce((count, item) => count + (item.skipped ?? 1), 0) });
    }
    this.painting ??= setTimeout(() => this.paint(), this.pause);
  }

  /** Paints some of what waits, then rests for longer than it took: the page stays its reader's all the while. */
  paint() {
    const from = performance.now();
    const items = this.waiting.splice(0, AT_ONCE);
    this.append(items.map((item) => (item.skipped ? skippedNode(item.skipped) : lineNode(item))));
    this.pause = Math.min(Math.max(LEAST_PAUSE_MS, (performance.now() - from) * REST), MOST_PAUSE_MS);
    this.painting = this.waiting.length > 0 ? setTimeout(() => this.paint(), this.pause) : undefined;
  }

  append(nodes) {
    if (nodes.length === 0) return;
    if (this.sought !== "") nodes.forEach((node) => this.mark(node));
    const tooMany = this.list.childElementCount + nodes.length - MOST;
    for (let count = 0; count < tooMany; count += 1) this.list.firstElementChild?.remove();
    this.list.append(...nodes);
    this.settle();
  }

  clear() {
    this.list.replaceChildren();
    this.settle();
  }

  mark(item) {
    item.hidden = this.sought !== "" && !item.textContent.toLowerCase().includes(this.sought);
  }

  search(text) {
    this.sought = text.trim().toLowerCase();
    for (const item of this.list.children) this.mark(item);
    this.settle();
  }
}

async function send(place, form, wrong) {
  const field = form.elements.namedItem("line");
  const line = field.value;
  wrong.hidden = true;
  const fail = (text) => {
    wrong.textContent = text;
    wrong.hidden = false;
  };
  try {
    const answer = await fetch(place.dataset.console, {
      method: "POST",
      credentials: "same-origin",
      headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRF-Token": csrfToken() },
      body: JSON.stringify({ line }),
    });
    if (answer.ok) {
      field.value = "";
      return;
    }
    const problem = await answer.json().catch(() => ({}));
    fail(problem.detail ?? problem.title ?? word("notSent"));
  } catch {
    fail(word("notSent"));
  }
}

/** Brings the console in `place` to life. */
export function startConsole(place) {
  const list = place.querySelector(".console-lines");
  const state = place.querySelector("[data-console-state]");
  const tools = place.querySelector("[data-console-tools]");
  const follow = place.querySelector("[data-follow]");
  const wrong = place.querySelector("[data-console-wrong]");
  const view = new View(list, follow);
  tools.hidden = false;
  let isFirst = true;

  let timer = 0;
  let patience = LEAST_WAIT_MS;
  view.settle();
  const open = () => {
    const from = view.next > 0 ? `from=${view.next}` : "last=500";
    const stream = new EventSource(`${place.dataset.console}?${from}`);
    stream.onopen = () => {
      patience = LEAST_WAIT_MS;
      state.textContent = word("liveNow");
      // The stream sends the lines of the page again, and more; until it does, the page's own stay.
      if (isFirst) view.clear();
      isFirst = false;
    };
    stream.addEventListener("lines", (event) => view.add(JSON.parse(event.data)));
    stream.addEventListener("skipped", (event) => {
      const { from: first, to } = JSON.parse(event.data);
      view.skip(first, to);
    });
    const reopen = (why) => {
      state.textContent = why;
      // Reopened by hand, so that it goes on after the last line shown and repeats none.
      stream.close();
      clearTimeout(timer);
      timer = setTimeout(() => { current = open(); }, patience);
      patience = Math.min(patience * 2, MOST_WAIT_MS);
    };
    stream.addEventListener("lost", (event) => reopen(JSON.parse(event.data).why));
    stream.onerror = () => reopen(word("consoleWaiting"));
    return stream;
  };
  let current = open();

  follow.addEventListener("click", () => view.setFollowing(!view.isFollowing));
  list.addEventListener("scroll", () => view.scrolled());
  new ResizeObserver(() => view.settle()).observe(list); // A turned phone is no scroll.
  place.querySelector("[data-search]").addEventListener("input", (event) => view.search(event.target.value));
  const form = place.querySelector("form");
  form?.addEventListener("submit", (event) => {
    event.preventDefault();
    send(place, form, wrong);
  });
  addEventListener("pagehide", () => {
    clearTimeout(timer);
    current.close();
  });
}
