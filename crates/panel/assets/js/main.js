// Starts what the page has a place for. Every page works without any of this.
import { showTimes } from "./times.js";
import { startClock } from "./clock.js";
import { startLive } from "./live.js";
import { startConsole } from "./console.js";
import { startSession } from "./session.js";
import { offerCopies } from "./copy.js";
import { offerPasskeys, offerProof } from "./passkey.js";
import { offerStrength } from "./strength.js";

showTimes(document);
offerCopies(document);
offerPasskeys(document);
offerStrength(document);
offerProof(document.getElementById("passkey-proof"));
startClock(document.querySelector("[data-clock]"));
startSession(document.getElementById("session-warning"));
startLive(document.getElementById("connection"));
for (const place of document.querySelectorAll("[data-console]")) {
  startConsole(place);
}
