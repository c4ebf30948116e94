/* Where to go once somebody has signed in: only ever an address of this server (an open redirect leads people astray). */

/** The address that `wanted` (`?next=…`) names, absolute, if it is one of `origin` that makes sense; else `otherwise`. */
export function onward(wanted, origin, otherwise = "/chat") {
  const fallback = origin + otherwise;
  if (typeof wanted !== "string" || !/^\/(?![/\\])[^\\\u0000-\u001f\u007f]*$/.test(wanted)) return fallback;
  let url;
  try {
    url = new URL(wanted, origin);
  } catch {
    return fallback;
  }
  const senseless = ["/login", "/register"].includes(url.pathname) || /^\/(api|static|v1)\//.test(url.pathname);
  // `/.//elsewhere` has a path that would be a host, taken by itself: so the whole address, never its path alone.
  return url.origin === origin && !senseless ? url.href : fallback;
}
