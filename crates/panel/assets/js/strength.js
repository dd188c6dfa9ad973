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
  let asked = 0;
  const ask = async () => {
    const turn = ++asked;
    const value = field.value;
    const form = field.closest("form");
    const body = new URLSearchParams({
      csrf_token: form.querySelector("[name=csrf_token]").value,
      username: form.querySelector("[name=username]")?.value ?? "",
      password: value,
    });
    try {
      const answer = await fetch(field.dataset.strength, { method: "POST", credentials: "same-origin", body });
      // What was typed meanwhile is asked for by itself; and where nobody answers, the form says it when it is sent.
      if (!answer.ok || turn !== asked) return;
      const { score, broken } = await answer.json();
      meter.value = score;
      said.textContent = [words[score], ...broken].join("; ");
      place.hidden = false;
    } catch {
      place.hidden = true;
    }
  };
  field.addEventListener("input", () => {
    clearTimeout(timer);
    if (field.value === "") {
      asked += 1;
      place.hidden = true;
      return;
    }
    timer = setTimeout(ask, QUIET_MS);
  });
}
