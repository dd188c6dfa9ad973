// How strong a new password is, said beside its field while it is typed, by the rules of the server.

/** How long after the last key, in milliseconds: one question for a word, not for a letter. */
const QUIET_MS = 400;

/** Begins to listen at each field of a new password. */
export function offerStrength(root) {
  for (const field of root.querySelectorAll("input[data-strength]")) watch(field);
}

function watch(field) {
  const meter = document.createElement("meter");
  meter.max = 4;
  meter.low = 2;
  meter.high = 3;
  meter.optimum = 4;
  meter.setAttribute("aria-hidden", "true");
  const said = document.createElement("p");
  said.className = "muted small";
  said.setAttribute("role", "status");
  const place = document.createElement("div");
  place.className = "strength";
  place.hidden = true;
  place.append(meter, said);
  field.after(place);
  const words = field.dataset.words.split("|");
  let timer;
  let question = new AbortController();
  const ask = async () => {
    question = new AbortController();
    const { signal } = question;
    const { form } = field;
    const body = new URLSearchParams({
      csrf_token: form.querySelector("[name=csrf_token]").value,
      username: form.querySelector("[name=username]")?.value ?? "",
      password: field.value,
    });
    try {
      const answer = await fetch(field.dataset.strength, { method: "POST", credentials: "same-origin", body, signal });
      // Where the server does not say, the form says it when it is sent.
      if (!answer.ok) return;
      const { score, broken } = await answer.json();
      meter.value = score;
      said.textContent = [words[score], ...broken].join("; ");
      place.hidden = false;
    } catch {
      if (!signal.aborted) place.hidden = true;
    }
  };
  const hush = () => {
    clearTimeout(timer);
    question.abort();
  };
  field.addEventListener("input", () => {
    hush();
    if (field.value === "") place.hidden = true;
    else timer = setTimeout(ask, QUIET_MS);
  });
  // The answer to the form may end what lets this page ask, before the next page is there.
  field.form.addEventListener("submit", hush);
}
