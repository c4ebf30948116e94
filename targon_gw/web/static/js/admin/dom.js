// Drawing into places that say that they are loading until then.

import { render } from "../../vendor/lit-html/lit-html.js";

const drawn = new WeakSet();

// Have `place` show `content`, a template, and nothing else.
export function draw(content, place) {
  if (!drawn.has(place)) {
    drawn.add(place);
    place.replaceChildren();
  }
  return render(content, place);
}
