// @ts-check
/** errata's JSON, by addresses relative to the page's. */

/** A request that was answered with an error, or not at all (status 0). */
export class ApiError extends Error {
  /** @param {number} status @param {string} detail */
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }

  /** Whether the same request may succeed later: no connection, a server that starts, Label Studio away. */
  get mayPass() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** @param {string} path relative to `board/api/` @param {Record<string, string | number | null | undefined>} [query] */
export function address(path, query = {}) {
  const url = new URL(`api/${path}`, document.baseURI);
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined) url.searchParams.set(name, String(value));
  }
  return url.href;
}

/**
 * @param {string} path
 * @param {Record<string, string | number | null | undefined>} [query]
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export function get(path, query, signal) {
  return answer(address(path, query), { signal });
}

/** @param {string} path @param {object} body @param {AbortSignal} [signal] @returns {Promise<any>} */
export function post(path, body, signal) {
  return change(path, "POST", JSON.stringify(body), signal);
}

/** @param {string} path @returns {Promise<any>} */
export function remove(path) {
  return change(path, "DELETE", undefined, undefined);
}

/** @param {string} path @param {string} method @param {string} [body] @param {AbortSignal} [signal] */
function change(path, method, body, signal) {
  return answer(address(path), { method, body, signal, headers: { "Content-Type": "application/json", "X-Errata": "board" } });
}

/** @param {string} url @param {RequestInit} options */
async function answer(url, options) {
  let response;
  try {
    response = await fetch(url, { credentials: "same-origin", ...options });
  } catch (error) {
    if (options.signal?.aborted && options.signal.reason?.name !== "TimeoutError") throw error;
    throw new ApiError(0, "errata cannot be reached.");
  }
  if (response.status === 204) return null;
  const said = await response.json().catch(() => null);
  if (!response.ok) throw new ApiError(response.status, String(said?.detail ?? `errata answered ${response.status}.`));
  if (said === null) throw new ApiError(502, "What answered was not errata: a proxy, or a page to log in.");
  return said;
}

/** Whether a request was given up because its answer is not wanted any more. @param {unknown} error */
export function isAborted(error) {
  return error instanceof DOMException && error.name === "AbortError";
}

/** Go to the sign-in, which returns to this address. */
export function signIn() {
  location.assign(signInAddress());
}

/** Return the address of the sign-in that comes back here. */
export function signInAddress() {
  const here = location.pathname.split("/").pop() + location.search;
  return `./?return=${encodeURIComponent(here)}`;
}

/**
 * Return where a sign-in leads to: a page of the board, never another site's.
 * @param {string | null} asked what stands behind `return=`
 */
export function returnAddress(asked) {
  return asked !== null && /^[a-z]+\.html(\?[^#]*)?$/.test(asked) ? asked : null;
}
