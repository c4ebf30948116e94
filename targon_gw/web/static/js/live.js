/* What happens, as it happens: one EventSource, closed while nobody looks, opened again with patience. */

const FIRST = 1000; // milliseconds before the second try
const LONGEST = 30000;

/**
 * Listen to `/api/live?view=VIEW`. `on` has a function for each event's name, called with its data, parsed.
 * `onState` is told "connecting", "open", "waiting" (to try again), "hidden" and "closed".
 * Returns a function that ends it.
 */
export function live(view, on, { onState = () => {} } = {}) {
  let source = null;
  let timer = 0;
  let delay = FIRST;
  let over = false;
  let state = "";

  function become(next) {
    if (next === state) return;
    state = next;
    onState(next);
  }

  function drop() {
    clearTimeout(timer);
    source?.close();
    source = null;
  }

  function open() {
    drop();
    become("connecting");
    const opened = new EventSource(`/api/live?view=${encodeURIComponent(view)}`);
    source = opened;
    opened.onopen = () => become("open");
    opened.onerror = () => {
      if (source !== opened) return;
      drop();
      become("waiting");
      timer = setTimeout(open, delay * (0.75 + Math.random() / 2)); // not all pages in the same moment
      delay = Math.min(delay * 2, LONGEST);
    };
    for (const [name, tell] of Object.entries(on)) {
      opened.addEventListener(name, (event) => {
        delay = FIRST;
        tell(JSON.parse(event.data));
      });
    }
  }

  function look() {
    if (over) return;
    if (document.visibilityState === "hidden") {
      drop();
      become("hidden");
    } else if (source === null) {
      open();
    }
  }

  function leave() {
    drop();
    become("hidden");
  }

  document.addEventListener("visibilitychange", look);
  window.addEventListener("pagehide", leave);
  window.addEventListener("pageshow", look);
  look();
  return () => {
    over = true;
    drop();
    document.removeEventListener("visibilitychange", look);
    window.removeEventListener("pagehide", leave);
    window.removeEventListener("pageshow", look);
    become("closed");
  };
}
