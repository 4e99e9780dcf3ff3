// The photos that were sent, newest first: each keeps its pose and is followed to its own end.

const NOT_TAKEN = ["refused", "rejected", "withdrawn"];

export class Sent {
  // `template` is one entry; `tell` is called whenever an outcome has changed.
  constructor(list, template, tell) {
    Object.assign(this, { list, template, pose: null, answers: new WeakMap() });
    list.addEventListener("htmx:beforeSwap", (event) => this.place(event));
    list.addEventListener("htmx:afterSettle", () => tell());
  }

  // The pose of the photo that goes out now; null of a file.
  expect(pose) {
    this.pose = pose;
  }

  // A new photo gets an entry of its own. One that is still followed is drawn anew only when there
  // is something new to say: the spinner turns on, and nothing is read out twice.
  place({ target, detail }) {
    if (!detail.shouldSwap) return;
    const isNew = target === this.list;
    const entry = isNew ? this.add() : target.closest("li");
    if (isNew) detail.target = entry;
    detail.shouldSwap = this.answers.get(entry) !== detail.serverResponse;
    this.answers.set(entry, detail.serverResponse);
  }

  add() {
    const entry = this.template.content.firstElementChild.cloneNode(true);
    entry.querySelector(`[data-of="${this.pose ?? "file"}"]`).hidden = false;
    if (this.pose) entry.dataset.pose = this.pose;
    this.list.prepend(entry);
    return entry;
  }

  isTaken(entry) {
    const status = entry.querySelector("[data-status]")?.dataset.status;
    return status !== undefined && !NOT_TAKEN.includes(status);
  }

  get hasTakenNewest() {
    const newest = this.list.firstElementChild;
    return newest !== null && this.isTaken(newest);
  }

  get takenPoses() {
    const taken = [...this.list.children].filter((entry) => this.isTaken(entry));
    return new Set(taken.map((entry) => entry.dataset.pose));
  }
}
