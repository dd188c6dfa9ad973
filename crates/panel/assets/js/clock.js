// The room's clock: UTC, as the log is kept.

/** Ticks in `element`, set by the machine's own clock. */
export function startClock(element) {
  if (!element) return;
  const tick = () => {
    const now = new Date();
    element.dateTime = now.toISOString();
    element.textContent = `${now.toISOString().slice(11, 19)} UTC`;
    setTimeout(tick, 1000 - now.getMilliseconds());
  };
  tick();
}
