// Copies what the panel carries of other people's scripts from node_modules to assets/vendor, with their licences.
// Run by `npm run vendor`; the folder is git-ignored and build.rs embeds it if it is there.
import { copyFile, mkdir } from "node:fs/promises";

const files = [
  ["idiomorph/dist/idiomorph.esm.js", "idiomorph.js"],
  ["idiomorph/LICENSE", "idiomorph.LICENSE.txt"],
];

const here = new URL("./", import.meta.url);
await mkdir(new URL("assets/vendor/", here), { recursive: true });
for (const [from, to] of files) {
  await copyFile(new URL(`node_modules/${from}`, here), new URL(`assets/vendor/${to}`, here));
}
