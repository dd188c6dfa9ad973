// A button beside each command that copies it.
import { word } from "./words.js";

/** Adds the buttons below `root`, once each. */
export function offerCopies(root) {
  if (!navigator.clipboard) return;
  for (const place of root.querySelectorAll("[data-copy]")) {
    if (place.querySelector("button")) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet";
    button.textContent = word("copyIt");
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(place.querySelector("code").textContent);
      button.textContent = word("copied");
      setTimeout(() => { button.textContent = word("copyIt"); }, 2000);
    });
    place.append(button);
  }
}
