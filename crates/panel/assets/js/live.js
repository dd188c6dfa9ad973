// Keeps the page true: one event stream; when something changed, the live parts are fetched again and morphed in.
// The connection's state and the age of what is shown are always visible.
import { offerCopies } from "./copy.js";
import { age, showTimes } from "./times.js";
import { word } from "./words.js";

const GATHER_MS = 250; // Changes come in flocks: one fetch answers many.
const LEAST_GAP_MS = 1000; // A busy fleet must not turn every viewer into a load.
const PATIENCE_MS = 10000; // A Host that takes longer to answer is not there for whoever looks.
const LOOK_AGAIN_MS = 30000; // Loads change without a word, and a dead network says nothing at all.
const LEAST_WAIT_MS = 1000;
const MOST_WAIT_MS = 15000;

let morph = null;

async function loadMorph() {
  const url = document.documentElement.dataset.morph;
  if (!url) return;
  try {
    ({ Idiomorph: morph } = await import(url));
  } catch {
    morph = null; // The plain replacement below does the same, less gently.
  }
}

function keepsHands(old) {
  // What a person is working in is theirs: an open <details>, a field with the cursor.
  return old instanceof HTMLElement && (old === document.activeElement && /^(INPUT|TEXTAREA|SELECT)$/.test(old.tagName));
}

function put(place, fresh) {
  if (morph) {
    morph.morph(place, fresh, {
      morphStyle: "outerHTML",
      callbacks: {
        beforeNodeMorphed: (old) => !keepsHands(old),
        beforeAttributeUpdated: (name, node) => !(name === "open" && node.tagName === "DETAILS"),
      },
    });
  } else {
    place.replaceWith(fresh);
  }
}

async function refresh(place) {
  // A form that was refused is shown under the form's address, which is none to look at.
  const url = new URL(place.dataset.from ?? location.href, location.href);
  url.hash = "";
  const answer = await fetch(url, {
    headers: { "X-Fragment": place.dataset.live }, credentials: "same-origin", signal: AbortSignal.timeout(PATIENCE_MS),
  });
  if (answer.status === 401) {
    location.assign("/session-expired");
    return;
  }
  if (answer.status === 403 || answer.status === 404) {
    location.assign(url); // It was removed, or is not for this person any more: the page that says so is the truth.
    return;
  }
  if (!answer.ok) throw new Error(`${answer.status}`);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.querySelector(`[data-live="${CSS.escape(place.dataset.live)}"]`);
  if (!fresh) return;
  showTimes(fresh);
  put(place, document.importNode(fresh, true));
  offerCopies(document);
}

/** The page's link to the Host: its lamp in the bar, and what is fetched when the stream says that something changed. */
class Link {
  constructor(lamp) {
    this.lamp = lamp;
    this.heardAt = Date.now();
    this.lookedAt = 0;
    this.patience = LEAST_WAIT_MS;
    this.opened = false;
    this.open();
    setInterval(() => this.tick(), 1000);
    addEventListener("offline", () => this.show("stale"));
    addEventListener("online", () => this.reopen());
    addEventListener("pagehide", () => this.stream.close());
    addEventListener("pageshow", (event) => {
      if (event.persisted) location.reload();
    });
  }

  show(state) {
    this.state = state;
    this.lamp.dataset.state = state;
    document.documentElement.dataset.link = state;
    const shown = state === "live" ? word("liveNow") : word(state, { age: age(this.heardAt) });
    if (this.lamp.textContent !== shown) this.lamp.textContent = shown;
  }

  /** Ages grow; and a page that nobody told anything for a while looks for itself. */
  tick() {
    if (this.state && this.state !== "live") this.show(this.state);
    if (this.state === "live" && !document.hidden && Date.now() - this.lookedAt > LOOK_AGAIN_MS) this.look();
  }

  open() {
    const stream = new EventSource("/api/stream");
    this.stream = stream;
    stream.onopen = () => {
      // What happened while it was broken is on the page after one look; only then the page is true again.
      if (this.opened) this.look();
      else this.heard();
      this.opened = true;
    };
    stream.onerror = () => {
      this.show(this.state === "live" ? "waiting" : "stale"); // One break is a hiccup, two are an absence.
      this.reopen();
    };
    for (const name of (this.lamp.dataset.events ?? "message").split(" ")) {
      stream.addEventListener(name, () => this.soon());
    }
    stream.addEventListener("ended", () => location.assign("/session-expired"));
  }

  /** Opens the stream by hand: a browser gives up for good on some answers, and waits long after others. */
  reopen() {
    this.stream.close();
    clearTimeout(this.reopening);
    this.reopening = setTimeout(() => this.open(), this.patience);
    this.patience = Math.min(this.patience * 2, MOST_WAIT_MS);
  }

  heard() {
    this.patience = LEAST_WAIT_MS;
    this.heardAt = Date.now();
    this.show("live");
  }

  soon() {
    clearTimeout(this.looking);
    this.looking = setTimeout(() => this.look(), Math.max(GATHER_MS, this.lookedAt + LEAST_GAP_MS - Date.now()));
  }

  async look() {
    if (this.busy) {
      this.again = true;
      return;
    }
    this.busy = true;
    this.lookedAt = Date.now();
    try {
      await Promise.all([...document.querySelectorAll("[data-live]")].map(refresh));
      if (this.stream.readyState === EventSource.OPEN) this.heard();
    } catch {
      this.show("stale");
      this.reopen();
    }
    this.busy = false;
    if (this.again) {
      this.again = false;
      this.soon();
    }
  }
}

/** Opens the stream and shows its state in `lamp`. Pages without a lamp are not live. */
export function startLive(lamp) {
  if (!lamp) return;
  loadMorph();
  new Link(lamp);
}
