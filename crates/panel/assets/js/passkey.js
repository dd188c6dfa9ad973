// Passkeys: asks the browser for one, as the server says, and puts what it brings into the form that asked.

const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (one) => one.codePointAt(0));
const written = (buffer) =>
  btoa(String.fromCodePoint(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const named = (key) => ({ ...key, id: bytes(key.id) });

/** Whether the browser knows what a passkey is, on a page like this. */
const areKnown = () => typeof PublicKeyCredential === "function";

/** A new element with these members. */
function element(name, members) {
  const made = document.createElement(name);
  for (const [member, value] of Object.entries(members)) made[member] = value;
  return made;
}

/** What the server wants to be asked, with bytes in the place of texts, and its challenge as it was. */
async function options(where, token) {
  const answer = await fetch(where, {
    method: "POST", credentials: "same-origin", body: new URLSearchParams({ csrf_token: token }),
  });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.detail);
  return said;
}

/** The fields of a form that prove a passkey. */
export async function prove(where, token) {
  const asked = await options(where, token);
  const publicKey = { ...asked, challenge: bytes(asked.challenge), allowCredentials: asked.allowCredentials.map(named) };
  const { id, response } = await navigator.credentials.get({ publicKey });
  return {
    challenge: asked.challenge,
    id,
    client_data: written(response.clientDataJSON),
    authenticator_data: written(response.authenticatorData),
    signature: written(response.signature),
    user_handle: response.userHandle ? written(response.userHandle) : "",
  };
}

/** The fields of a form that bring a new passkey. */
async function make(where, token) {
  const asked = await options(where, token);
  const publicKey = {
    ...asked,
    challenge: bytes(asked.challenge),
    user: named(asked.user),
    excludeCredentials: asked.excludeCredentials.map(named),
  };
  const { response } = await navigator.credentials.create({ publicKey });
  return {
    challenge: asked.challenge,
    client_data: written(response.clientDataJSON),
    attestation: written(response.attestationObject),
  };
}

/** Shows the forms that ask for a passkey, where the browser knows what that is. */
export function offerPasskeys(root) {
  if (!areKnown()) return;
  for (const form of root.querySelectorAll("form[data-passkey]")) {
    form.hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      bring(form);
    });
  }
}

async function bring(form) {
  const said = form.querySelector("[data-said]");
  const button = form.querySelector("button");
  const { passkey, options: where, asking, failed } = form.dataset;
  button.disabled = true;
  said.textContent = asking;
  try {
    const fields = await (passkey === "make" ? make : prove)(where, form.querySelector("[name=csrf_token]").value);
    // On the sign-in page, as for a password.
    if (document.querySelector("[name=remember_me]:checked")) fields.remember_me = "true";
    for (const [name, value] of Object.entries(fields)) {
      form.append(element("input", { type: "hidden", name, value }));
    }
    HTMLFormElement.prototype.submit.call(form);
  } catch (error) {
    // The browser tells no page why: a person who said no, and a key that is not there, are the same.
    said.textContent = error instanceof DOMException ? failed : error.message;
    button.disabled = false;
  }
}

/** Beside each field that asks again who one is: a button that answers with a passkey, and takes the field away. What was
 *  typed elsewhere on the page stays. */
export function offerProof(place) {
  if (!place || !areKnown()) return;
  const { options: where, action, words, asking, failed, done } = place.dataset;
  const token = document.querySelector('meta[name="csrf-token"]').content;
  const asked = 'input[type=password][name=password][autocomplete="current-password"], input[name=code][autocomplete=one-time-code]';
  const forms = [...document.querySelectorAll("#main form")].map((form) => [...form.querySelectorAll(asked)]);
  const offers = forms.filter((fields) => fields.length > 0).map((fields) => {
    const button = element("button", { type: "button", className: "quiet", textContent: words });
    const said = element("p", { className: "muted small" });
    said.setAttribute("role", "status");
    const offer = document.createElement("div");
    offer.append(button, said);
    const wholes = fields.map((field) => field.closest(".field") ?? field.closest("label"));
    wholes.at(-1).after(offer);
    return { wholes, offer, button, said };
  });
  for (const { button, said } of offers) {
    button.addEventListener("click", async () => {
      button.disabled = true;
      said.textContent = asking;
      try {
        const body = new URLSearchParams({ csrf_token: token, ...(await prove(where, token)) });
        const answer = await fetch(action, { method: "POST", credentials: "same-origin", body });
        if (!answer.ok) throw new Error((await answer.json()).detail);
        for (const { wholes, offer } of offers) {
          for (const whole of wholes) whole.remove();
          offer.replaceChildren(element("p", { className: "muted small", textContent: done }));
        }
      } catch (error) {
        said.textContent = error instanceof DOMException ? failed : error.message;
        button.disabled = false;
      }
    });
  }
}
