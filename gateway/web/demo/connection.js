// A WebSocket that stays connected: it connects again as the server asks, finds out why it was refused, notices when the
// connection is dead, and answers requests by their id. It speaks JSON-RPC 2.0, one object per text frame, through the
// browser's own WebSocket.

const firstPause = 1_000; // ms; doubles with each failure
const longestPause = 30_000; // ms
const steady = 5_000; // ms open until the pauses begin small again
const patience = 10_000; // ms for one attempt to connect, and for the answer to a ping

/** RequestError is a refusal by the server, or (reason "lost") a connection that ended before the answer. */
export class RequestError extends Error {
  constructor({ message, data }) {
    super(message);
    this.reason = data?.reason ?? "";
    this.retryAfter = data?.retry_after_ms ?? 0;
  }
}

/**
 * Connection keeps one WebSocket to where address() says.
 *
 * onPhase(phase) is told {phase: "connecting", again}, {phase: "open", draining}, {phase: "waiting", until, why}
 * (until: when the next attempt is) and {phase: "stopped", why} (nothing helps until somebody does something). why is
 * {code, word, detail, by}: the close code, the word of its reason, a sentence of the server if there is one, and by
 * which device this one was replaced. onNotification(method, params) gets what the server sends of itself,
 * onFrame("out" or "in", text) every frame.
 */
export class Connection {
  #address;
  #onPhase;
  #onNotification;
  #onFrame;
  #socket = null;
  #open = false; // the welcome has come
  #timer = 0; // of the next attempt
  #pulse = 0; // looks after an open connection
  #turn = 0; // rises with each attempt, so that late answers about an earlier one are not used
  #attempts = 0;
  #window = null; // {min_ms, max_ms} within which the server wants this client back
  #heardAt = 0;
  #complaint = ""; // what the server said before it closed
  #by = null;
  #lastID = 0;
  #waiting = new Map(); // id → {resolve, reject}

  constructor({ address, onPhase, onNotification, onFrame }) {
    this.#address = address;
    this.#onPhase = onPhase;
    this.#onNotification = onNotification;
    this.#onFrame = onFrame;
  }

  /** Connects now, in place of the present socket or of the next attempt. */
  connect() {
    this.leave();
    this.#complaint = "";
    this.#by = null;
    this.#onPhase({ phase: "connecting", again: this.#attempts > 0 });
    const socket = new WebSocket(this.#address());
    this.#socket = socket;
    let opened = 0;
    const giveUp = setTimeout(() => this.#lost(socket, { code: 1006, reason: "" }, 0), patience);
    socket.onopen = () => {
      clearTimeout(giveUp);
      opened = Date.now();
    };
    socket.onmessage = (event) => this.#receive(event.data);
    socket.onclose = (event) => {
      clearTimeout(giveUp);
      this.#lost(socket, event, opened);
    };
  }

  /** Leaves without trying again, until connect. */
  leave() {
    this.#turn++;
    clearTimeout(this.#timer);
    this.#drop();
  }

  /** Sends a request and resolves with its result, or rejects with a RequestError. */
  call(method, params) {
    if (!this.#open) return Promise.reject(lost());
    const id = ++this.#lastID;
    this.write(JSON.stringify({ id, method, params }));
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  /** Sends a frame as it is. Returns whether there is a connection. */
  write(text) {
    if (!this.#open) return false;
    this.#onFrame("out", text);
    this.#socket.send(text);
    return true;
  }

  /** Asks for a sign of life, since the browser may not have noticed yet that the connection is gone. */
  probe() {
    if (!this.#open) return;
    const socket = this.#socket;
    const silent = setTimeout(() => this.#lost(socket, { code: 1006, reason: "" }, Date.now()), patience);
    this.call("ping")
      .catch(() => {})
      .finally(() => clearTimeout(silent));
  }

  #receive(data) {
    this.#heardAt = Date.now();
    this.#onFrame("in", data);
    const message = JSON.parse(data);
    if (message.method) {
      this.#notice(message.method, message.params);
      return;
    }
    const request = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (!message.error) return request?.resolve(message.result);
    if (message.id === null && !this.#open) this.#complaint = message.error.message;
    request?.reject(new RequestError(message.error));
  }

  #notice(method, params) {
    if (method === "welcome") {
      this.#open = true;
      this.#window = params.reconnect;
      this.#pulse = setInterval(() => Date.now() - this.#heardAt > params.heartbeat_ms && this.probe(), 5_000);
      this.#onPhase({ phase: "open", draining: false });
    }
    if (method === "server.draining") {
      this.#window = params.reconnect;
      this.#onPhase({ phase: "open", draining: true });
    }
    if (method === "session.replaced") this.#by = params.by;
    this.#onNotification(method, params);
  }

  async #lost(socket, { code, reason }, opened) {
    if (socket !== this.#socket) return;
    const [word, window] = reason.split(" retry=");
    const why = { code, word, detail: this.#complaint, by: this.#by };
    const wasOpen = this.#open;
    this.#drop();
    const turn = ++this.#turn;
    const refusal = opened ? null : await diagnose(this.#address());
    if (turn !== this.#turn) return;
    if (refusal) Object.assign(why, refusal);
    if ((code >= 4500 && code < 5000) || refusal?.final) return this.#onPhase({ phase: "stopped", why });
    if (opened && Date.now() - opened > steady) this.#attempts = 0;
    const pause = this.#pause(window, refusal?.retryAfter, wasOpen);
    this.#attempts++;
    this.#timer = setTimeout(() => this.connect(), pause);
    this.#onPhase({ phase: "waiting", until: Date.now() + pause, why });
  }

  /**
   * How long to wait: as the server said, or longer with each failure. It is drawn from the whole window, so that many
   * pages do not come back at one moment.
   */
  #pause(window, retryAfter, wasOpen) {
    const between = (min, max) => min + Math.random() * Math.max(0, max - min);
    const told = /^(\d+)-(\d+)$/.exec(window ?? "");
    if (told) return between(Number(told[1]), Number(told[2]));
    if (retryAfter) return between(retryAfter, 2 * retryAfter);
    if (wasOpen && this.#attempts === 0 && this.#window) return between(this.#window.min_ms, this.#window.max_ms);
    return between(0, Math.min(longestPause, firstPause * 2 ** this.#attempts));
  }

  /** Forgets the present socket; requests without an answer are lost. */
  #drop() {
    clearInterval(this.#pulse);
    const socket = this.#socket;
    this.#socket = null;
    this.#open = false;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const request of waiting) request.reject(lost());
  }
}

const lost = () => new RequestError({ message: "the connection was lost", data: { reason: "lost" } });

/**
 * Asks by a plain GET why a handshake was refused, which a WebSocket does not tell: {detail, word, final, retryAfter}, or
 * null if the server cannot be reached or has nothing against it.
 */
async function diagnose(address) {
  const url = new URL(address);
  url.protocol = url.protocol === "wss:" ? "https:" : "http:";
  try {
    const answer = await fetch(url, { cache: "no-store", signal: AbortSignal.timeout(patience) });
    if (answer.ok) return null;
    const body = await answer.text();
    const said = answer.headers.get("Content-Type")?.includes("json") ? JSON.parse(body) : { detail: body };
    const final = answer.status >= 400 && answer.status < 500 && answer.status !== 429;
    return {
      detail: said.detail || said.title || `status ${answer.status}`,
      word: said.reason ?? "",
      final,
      retryAfter: said.retry_after_ms,
    };
  } catch {
    return null;
  }
}
