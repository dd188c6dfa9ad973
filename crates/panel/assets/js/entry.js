// The pages before sign-in: local times, and the one-time set-up code from behind the `#` into its field, so that it
// never travels in an address that servers and proxies write down.
import { showTimes } from "./times.js";
import { offerPasskeys } from "./passkey.js";
import { offerStrength } from "./strength.js";

showTimes(document);
offerPasskeys(document);
offerStrength(document);

const code = /^#code=([A-Za-z0-9_-]{1,200})$/.exec(location.hash)?.[1];
const field = document.querySelector("[data-setup] input[name=code]");
if (code && field) {
  field.value = code;
  history.replaceState(null, "", location.pathname);
  document.querySelector("[data-setup] input[name=username]")?.focus();
}
