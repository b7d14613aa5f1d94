// Who is here, and how a person looks.

/** The first letter (or emoji) of a name on one of eight colours that belongs to the user. */
export function paintFace(face, person) {
  const first = new Intl.Segmenter().segment(person.info.name)[Symbol.iterator]().next().value;
  face.textContent = (first?.segment ?? "?").toLocaleUpperCase();
  let hash = 0;
  for (const unit of person.user) hash = (hash * 31 + unit.codePointAt(0)) >>> 0;
  face.className = `face hue-${hash % 8}`;
}

export function faceOf(person) {
  const face = document.createElement("span");
  face.setAttribute("aria-hidden", "true");
  paintFace(face, person);
  return face;
}

/** A name that keeps to itself, whatever its writing direction. */
export function nameOf(person) {
  const name = document.createElement("bdi");
  name.textContent = person.info.name;
  return name;
}

/** People shows the list of who is here. onCount(n) is told how many that are. */
export class People {
  #list;
  #onCount;
  #me;
  #byUser = new Map();
  #present = 0;

  constructor(list, onCount) {
    this.#list = list;
    this.#onCount = onCount;
  }

  /** Takes the server's answer to "who is here" in place of all that was known. */
  replace(me, users, present) {
    this.#me = me;
    this.#byUser = new Map(users.map((person) => [person.user, person]));
    this.#show(present);
  }

  /** Returns the person as known before, if any. */
  joined(person, present) {
    const before = this.#byUser.get(person.user);
    this.#byUser.set(person.user, { user: person.user, info: person.info });
    this.#show(present);
    return before;
  }

  left(person, present) {
    this.#byUser.delete(person.user);
    this.#show(present);
  }

  #show(present) {
    this.#present = present;
    const mine = (person) => person.user === this.#me;
    const people = [...this.#byUser.values()].sort(
      (a, b) => mine(b) - mine(a) || a.info.name.localeCompare(b.info.name) || (a.user < b.user ? -1 : 1),
    );
    const rows = people.map((person) => {
      const row = document.createElement("li");
      row.append(faceOf(person), nameOf(person));
      if (mine(person)) row.append(note("you"));
      return row;
    });
    if (this.#present > people.length) {
      const more = document.createElement("li");
      more.append(note(`and ${this.#present - people.length} more`));
      rows.push(more);
    }
    this.#list.replaceChildren(...rows);
    this.#onCount(this.#present);
  }
}

function note(text) {
  const span = document.createElement("span");
  span.className = "quiet";
  span.textContent = text;
  return span;
}
