// The three poses of an enrolment: which are taken, and which is wanted next.

export class Poses {
  constructor(list) {
    this.steps = [...list.children];
    this.draw();
  }

  // The first that is not taken; "any" when all are.
  get wanted() {
    return this.steps.find((step) => !this.isTaken(step))?.dataset.pose ?? "any";
  }

  isTaken(step) {
    return step.classList.contains("is-taken");
  }

  // Whether a photo of this pose would be the first.
  isOpen(pose) {
    return this.steps.some((step) => step.dataset.pose === pose && !this.isTaken(step));
  }

  mark(pose, isTaken) {
    const step = this.steps.find((one) => one.dataset.pose === pose);
    if (!step) return;
    step.classList.toggle("is-taken", isTaken);
    step.querySelector(".pose-taken").toggleAttribute("hidden", !isTaken);
    this.draw();
  }

  draw() {
    for (const step of this.steps) {
      if (step.dataset.pose === this.wanted) step.setAttribute("aria-current", "step");
      else step.removeAttribute("aria-current");
    }
  }
}
