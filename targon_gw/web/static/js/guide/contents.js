/* The contents beside the text: which section one is in, and a way that closes behind itself where there is no room. */

/** Follow the sections named by the links below `box`, a `<details>`. */
export function follow(box) {
  const links = [...box.querySelectorAll('a[href^="#"]')];
  const places = links.map((link) => document.getElementById(link.hash.slice(1)));
  const narrow = matchMedia("(max-width: 60rem)");
  let current = null;
  let due = false;

  function mark() {
    due = false;
    const line = innerHeight / 3;
    const end = scrollY + innerHeight >= document.documentElement.scrollHeight - 2;
    const passed = places.filter((place) => place.getBoundingClientRect().top < line);
    const link = links[end ? places.length - 1 : Math.max(0, passed.length - 1)];
    if (link === current) return;
    current?.removeAttribute("aria-current");
    current = link;
    link.setAttribute("aria-current", "location");
  }

  function later() {
    if (due) return;
    due = true;
    requestAnimationFrame(mark);
  }

  function fold() {
    box.open = !narrow.matches;
  }

  box.addEventListener("click", (event) => {
    if (event.target.closest("a") && narrow.matches) box.open = false;
  });
  narrow.addEventListener("change", fold);
  addEventListener("scroll", later, { passive: true });
  addEventListener("resize", later, { passive: true });
  fold();
  mark();
}
