// Turns a console line with ANSI sequences into text nodes and spans. Colours (SGR) become classes; every other
// sequence is dropped; nothing is ever parsed as markup.

// CSI ... final byte, OSC ... end, two-character escapes, and lone control characters.
const SEQUENCE = /\x1b\[([0-?]*)[ -/]*([@-~])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-Z\\-_]?|[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;
const STYLES = { 1: "bold", 2: "faint", 3: "italic", 4: "underline", 7: "inverse", 9: "strike" };
const ENDS = { 22: ["bold", "faint"], 23: ["italic"], 24: ["underline"], 27: ["inverse"], 29: ["strike"] };

function apply(state, parameters) {
  const codes = parameters === "" ? [0] : parameters.split(/[;:]/).map(Number);
  for (let at = 0; at < codes.length; at += 1) {
    const code = codes[at];
    if (code === 0) {
      state.styles.clear();
      state.fg = state.bg = null;
    } else if (code in STYLES) state.styles.add(STYLES[code]);
    else if (code in ENDS) ENDS[code].forEach((style) => state.styles.delete(style));
    else if (code >= 30 && code <= 37) state.fg = code - 30;
    else if (code >= 90 && code <= 97) state.fg = code - 82;
    else if (code === 39) state.fg = null;
    else if (code >= 40 && code <= 47) state.bg = code - 40;
    else if (code >= 100 && code <= 107) state.bg = code - 100;
    else if (code === 49) state.bg = null;
    else if (code === 38 || code === 48) {
      // 256 colours: the first 16 are ours, the rest and true colour keep the plain ink.
      const which = code === 38 ? "fg" : "bg";
      if (codes[at + 1] === 5) {
        const colour = codes[at + 2];
        state[which] = colour < 16 ? (which === "bg" ? colour % 8 : colour) : null;
        at += 2;
      } else if (codes[at + 1] === 2) {
        state[which] = null;
        at += 4;
      }
    }
  }
}

function classes(state) {
  const names = [...state.styles].map((style) => `sgr-${style}`);
  if (state.fg !== null) names.push(`sgr-fg-${state.fg}`);
  if (state.bg !== null) names.push(`sgr-bg-${state.bg}`);
  return names.join(" ");
}

/** The line as nodes. */
export function render(line) {
  const nodes = document.createDocumentFragment();
  const state = { styles: new Set(), fg: null, bg: null };
  const add = (text) => {
    if (text === "") return;
    const names = classes(state);
    if (names === "") {
      nodes.append(text);
      return;
    }
    const span = document.createElement("span");
    span.className = names;
    span.textContent = text;
    nodes.append(span);
  };
  let from = 0;
  for (const found of line.matchAll(SEQUENCE)) {
    add(line.slice(from, found.index));
    if (found[2] === "m") apply(state, found[1]);
    from = found.index + found[0].length;
  }
  add(line.slice(from));
  return nodes;
}
