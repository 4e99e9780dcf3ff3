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

  // Tick these and no others.
  take(poses) {
    for (const step of this.steps) {
      const isTaken = poses.has(step.dataset.pose);
      step.classList.toggle("is-taken", isTaken);
      step.querySelector(".pose-taken").toggleAttribute("hidden", !isTaken);
    }
    this.draw();
  }

  draw() {
    for (const step of this.steps) {
      if (step.dataset.pose === this.wanted) step.setAttribute("aria-current", "step");
      else step.removeAttribute("aria-current");
    }
  }
}
