// The session's end: a warning two minutes before it, and a person's act that moves it. Streams and polling never do.
import { csrfToken } from "./words.js";

const WARN_S = 120;
const QUIET_MS = 5 * 60 * 1000; // One renewal for many acts.

/** Watches over the session named in the page's meta tag; `dialog` is the warning. */
export function startSession(dialog) {
  const meta = document.querySelector('meta[name="session-expires-in"]');
  if (!dialog || !meta) return;
  let endsAt = Date.now() + Number(meta.content) * 1000;
  let renewedAt = Date.now();
  let timer = 0;

  const renew = async () => {
    renewedAt = Date.now();
    try {
      const answer = await fetch("/api/session/activity", {
        method: "POST", credentials: "same-origin", headers: { "X-CSRF-Token": csrfToken() },
      });
      if (answer.status === 401) {
        location.assign("/session-expired");
        return;
      }
      if (!answer.ok) return;
      const { expires_in: seconds } = await answer.json();
      endsAt = Date.now() + seconds * 1000;
    } catch {
      return; // The link is down: the lamp says so, and the warning still comes in time.
    }
    if (dialog.open && endsAt - Date.now() > WARN_S * 1000) dialog.close();
    plan();
  };
  const look = () => {
    const left = Math.round((endsAt - Date.now()) / 1000);
    if (left <= 0) {
      location.assign("/session-expired");
      return;
    }
    if (left <= WARN_S) {
      dialog.querySelector("[data-left]").textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
      if (!dialog.open) dialog.showModal();
    }
    plan();
  };
  const plan = () => {
    clearTimeout(timer);
    const untilWarning = endsAt - Date.now() - WARN_S * 1000;
    // setTimeout holds 24.8 days; a remembered session is longer.
    timer = setTimeout(look, Math.min(Math.max(untilWarning, 1000), 24 * 3600 * 1000));
  };

  for (const act of ["pointerdown", "keydown"]) {
    addEventListener(act, () => {
      if (!dialog.open && Date.now() - renewedAt > QUIET_MS) renew();
    }, { passive: true });
  }
  dialog.querySelector("[data-stay]").addEventListener("click", renew);
  plan();
}
