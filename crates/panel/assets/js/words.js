// The page's words for the scripts: the server writes them into the page in the person's language, as data attributes
// of <div id="words">, so that no text lives here.

/** The text of that name, with `{ $name }` places filled. Unknown names show themselves. */
export function word(name, places = {}) {
  const text = document.getElementById("words")?.dataset[name] ?? name;
  return text.replace(/\{ \$(\w+) \}/g, (whole, key) => (key in places ? String(places[key]) : whole));
}

/** The token that changes by cookie need, or nothing where nobody is signed in. */
export function csrfToken() {
  return document.querySelector('meta[name="csrf-token"]')?.content ?? "";
}
