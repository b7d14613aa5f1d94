// A WebSocket that stays connected: it connects again with growing pauses and answers requests by their id.
// It speaks JSON-RPC 2.0, one object per text frame, through the browser's own WebSocket.

const firstPause = 500; // ms
const longestPause = 15_000; // ms
const steady = 5_000; // ms open until the pauses begin small again
const patience = 10_000; // ms for one attempt to connect

/** RequestError is a refusal by the server, or (reason "lost") a connection that ended before the answer. */
export class RequestError extends Error {
  constructor(message, reason) {
    super(message);
    this.reason = reason;
  }
}

/**
 * Connection keeps one WebSocket to where address() says.
 *
 * onPhase({phase, until, reason}) gets "connecting", "open", "waiting" (until: when the next attempt is) and "stopped"
 * (the server asked not to come back). onNotification(method, params) gets what the server sends of itself.
 */
export class Connection {
  #address;
  #onPhase;
  #onNotification;
  #socket = null;
  #timer = 0;
  #attempts = 0;
  #lastID = 0;
  #waiting = new Map(); // id → {resolve, reject}

  constructor({ address, onPhase, onNotification }) {
    this.#address = address;
    this.#onPhase = onPhase;
    this.#onNotification = onNotification;
  }

  /** Connects now, in place of the present socket or of the next attempt. */
  connect() {
    this.leave();
    this.#onPhase({ phase: "connecting", again: this.#attempts > 0 });
    const socket = new WebSocket(this.#address());
    this.#socket = socket;
    const giveUp = setTimeout(() => this.#lost(socket, 1006, ""), patience);
    let opened = 0;
    socket.onopen = () => {
      clearTimeout(giveUp);
      opened = Date.now();
      this.#onPhase({ phase: "open" });
    };
    socket.onmessage = (event) => this.#receive(event.data);
    socket.onclose = (event) => {
      clearTimeout(giveUp);
      if (opened && Date.now() - opened > steady) this.#attempts = 0;
      this.#lost(socket, event.code, event.reason);
    };
  }

  /** Leaves without trying again, until connect. */
  leave() {
    clearTimeout(this.#timer);
    this.#drop();
  }

  /** Sends a request and resolves with its result, or rejects with a RequestError. */
  call(method, params) {
    if (this.#socket?.readyState !== WebSocket.OPEN) {
      return Promise.reject(new RequestError("There is no connection.", "lost"));
    }
    const id = ++this.#lastID;
    this.#socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  #receive(data) {
    const message = JSON.parse(data);
    if (message.method) {
      this.#onNotification(message.method, message.params);
      return;
    }
    const request = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.error) {
      request?.reject(new RequestError(message.error.message, message.error.data?.reason));
      return;
    }
    request?.resolve(message.result);
  }

  #lost(socket, code, reason) {
    if (socket !== this.#socket) return;
    this.#drop();
    if (code >= 4500) {
      this.#onPhase({ phase: "stopped", reason });
      return;
    }
    // The pause is clamped first and drawn from all of it then, so that many pages do not come back at one moment.
    const pause = Math.random() * Math.min(longestPause, firstPause * 2 ** this.#attempts++);
    this.#timer = setTimeout(() => this.connect(), pause);
    this.#onPhase({ phase: "waiting", until: Date.now() + pause });
  }

  /** Forgets the present socket; requests without an answer are lost. */
  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const request of waiting) request.reject(new RequestError("The connection was lost.", "lost"));
  }
}
