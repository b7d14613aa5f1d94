// How many messages of others a person has not read yet. The server counts them up to a position (conversation.list); what
// comes live after that is added here.

/** Whether position a is after b in a stream. No position is before all others; of two epochs, a's is the later one. */
export function isAfter(a, b) {
  return !a || !b || a.epoch !== b.epoch || a.offset > b.offset;
}

export class Unread {
  #me;
  #base = 0; // counted up to #upTo
  #upTo = null;
  #since = []; // positions of live messages of others
  #began = false;
  #told = false; // the server has said, or was told, up to where the person has read

  constructor(me) {
    this.#me = me;
  }

  get total() {
    return this.#base + this.#since.length;
  }

  /** How many of them have come live since the server counted. */
  get fresh() {
    return this.#since.length;
  }

  /** Whether the server is to be told that everything was read, also because it knows nothing yet: it could not count later. */
  get isOpen() {
    return this.total > 0 || !this.#told;
  }

  /** Begins at a position in a stream that was never read: what was there before counts as read. */
  begin(position) {
    if (this.#began) return;
    this.#began = true;
    this.#upTo ??= position;
  }

  /** Takes the server's count of what is unread up to a position. */
  counted(unread, position) {
    this.#began = this.#told = true;
    this.#base = unread;
    this.#upTo = position;
    this.#since = this.#since.filter((each) => isAfter(each, position));
  }

  /** Takes a live message. */
  count({ from, position }) {
    if (from?.user === this.#me || (position && !isAfter(position, this.#upTo))) return;
    this.#since.push(position);
  }

  /** Takes a position up to which the person has read. Returns false if the rest must be counted by the server. */
  readUpTo(position, { messages, last }) {
    this.#told = true;
    if (!position || !last || !isAfter(last.position, position)) {
      this.#base = 0;
      this.#upTo = position;
      this.#since = [];
      return true;
    }
    if (!messages.length || isAfter(messages[0].position, position)) return false;
    const rest = messages.filter((message) => message.from?.user !== this.#me && isAfter(message.position, position));
    this.counted(rest.length, last.position);
    return true;
  }

  /** Keeps the count over a cut; the server's next count replaces it. */
  cut(last) {
    this.#base = this.total;
    this.#since = [];
    this.#upTo = last?.position ?? this.#upTo;
  }
}
