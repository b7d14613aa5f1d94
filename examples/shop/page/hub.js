// The connection to the gateway: a plain WebSocket that speaks hubbub.v1 (docs/protocol.md), and fetch for the combined calls.

const longestPause = 15_000; // ms between two attempts to connect

/** Refusal is an error that the gateway answered, or reason "lost": the connection ended before the answer. */
export class Refusal extends Error {
  constructor(message, reason) {
    super(message);
    this.reason = reason;
  }
}

/**
 * Hub keeps a WebSocket open. told.open(welcome) is called when a session begins, also after a lost connection; told.lost() when it
 * is gone and another is on its way; told.ended({code, by}) when there will be none, by being the device that took its place;
 * told[method](params) for what the gateway says.
 */
export class Hub {
  #session;
  #device;
  #told;
  #socket = null;
  #timer = 0;
  #failures = 0;
  #welcome = false; // the session has begun
  #by = null; // the device that has replaced this one
  #lastID = 0;
  #waiting = new Map(); // id → {resolve, reject}

  constructor(session, device, told) {
    this.#session = session; // {gateway, token}
    this.#device = device;
    this.#told = told;
  }

  connect() {
    this.close();
    this.#welcome = false;
    this.#by = null;
    const query = new URLSearchParams({ device: this.#device, platform: "web" });
    const socket = new WebSocket(`${this.#session.gateway.replace("http", "ws")}/ws?${query}`,
      ["hubbub.v1", `hubbub.token.${this.#session.token}`]);
    this.#socket = socket;
    socket.onmessage = (event) => this.#heard(JSON.parse(event.data));
    socket.onclose = (event) => this.#closed(event.code);
  }

  /** Ends the connection, and does not come back. */
  close() {
    clearTimeout(this.#timer);
    if (!this.#socket) return;
    this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close();
    this.#socket = null;
    this.#forget();
  }

  /** One call, such as call("room.join", {room: "shop"}) or call("bff.buy", {id}). */
  call(method, params = {}) {
    return new Promise((resolve, reject) => {
      if (this.#socket?.readyState !== WebSocket.OPEN) {
        reject(new Refusal("not connected", "lost"));
        return;
      }
      const id = ++this.#lastID;
      this.#waiting.set(id, { resolve, reject });
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
  }

  /** A combined call over HTTP: the same as call("bff.NAME"), and there before the WebSocket is. */
  async get(name, params = {}) {
    const query = new URLSearchParams(params);
    const reply = await fetch(`${this.#session.gateway}/bff/${name}?${query}`, {
      headers: { Authorization: `Bearer ${this.#session.token}` },
      signal: AbortSignal.timeout(10_000),
    });
    const body = await reply.json();
    if (!reply.ok) throw new Refusal(body.detail ?? reply.statusText, body.reason);
    return body;
  }

  #heard({ id, method, params, result, error }) {
    if (method === undefined) {
      const asked = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error) asked?.reject(new Refusal(error.message, error.data?.reason));
      else asked?.resolve(result);
      return;
    }
    if (method === "session.replaced") this.#by = params.by;
    if (method === "welcome") {
      this.#failures = 0;
      this.#welcome = true;
      this.#told.open(params);
    }
    this.#told[method]?.(params);
  }

  async #closed(code) {
    const socket = this.#socket;
    this.#forget();
    if (!this.#welcome && await this.#refused()) code = 4503;
    if (this.#socket !== socket) return; // connecting again, or closed, meanwhile
    this.#socket = null;
    if (code >= 4500 && code < 5000) { // only a person can do something about these
      this.#told.ended({ code, by: this.#by });
      return;
    }
    this.#told.lost();
    const most = Math.min(1000 * 2 ** this.#failures++, longestPause);
    this.#timer = setTimeout(() => this.connect(), Math.random() * most);
  }

  /** Pages cannot see why a handshake was refused; a plain GET with the same credentials answers with the same status. */
  async #refused() {
    const headers = { Authorization: `Bearer ${this.#session.token}` };
    const reply = await fetch(`${this.#session.gateway}/ws`, { headers }).catch(() => null);
    return reply?.status === 401 || reply?.status === 403;
  }

  #forget() {
    for (const { reject } of this.#waiting.values()) reject(new Refusal("the connection was lost", "lost"));
    this.#waiting.clear();
  }
}
