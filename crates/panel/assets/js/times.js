// Shows <time datetime> in the person's own zone; the exact UTC stays in the title.
import { word } from "./words.js";

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const full = new Intl.DateTimeFormat(undefined, {
  year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23",
});

/** An age in words: "12 s ago". */
export function age(at, now = Date.now()) {
  const seconds = Math.max(0, Math.round((now - at) / 1000));
  if (seconds < 60) return word("agoSeconds", { count: seconds });
  if (seconds < 3600) return word("agoMinutes", { count: Math.floor(seconds / 60) });
  if (seconds < 86400) return word("agoHours", { count: Math.floor(seconds / 3600) });
  return word("agoDays", { count: Math.floor(seconds / 86400) });
}

function text(element) {
  const at = Date.parse(element.dateTime);
  if (Number.isNaN(at)) return element.textContent;
  switch (element.dataset.time) {
    case "age": return age(at);
    case "clock": return clock.format(at);
    default: return full.format(at);
  }
}

/** Rewrites the times below `root`. */
export function showTimes(root) {
  for (const element of root.querySelectorAll("time[data-time]")) {
    const shown = text(element);
    if (element.textContent !== shown) element.textContent = shown;
  }
}

/** A clock time for a console line. */
export function clockTime(at) {
  return clock.format(at);
}

// Ages grow while nothing else happens.
setInterval(() => {
  if (!document.hidden) showTimes(document);
}, 5000);
