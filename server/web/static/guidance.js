// Live guidance: sends small pictures of the camera to the server, one at a time, and tells what
// the recognition service sees in them. While there is no answer the browser's own meters stand in.

import { look } from "./meters.js";

const FRAME_WIDTH = 480;
const FRAME_QUALITY = 0.8;
// Between two pictures, and after one that nobody could judge.
const EVERY_MS = 400;
const REST_MS = 4000;
const METERS_EVERY_MS = 150;
// An answer older than this says nothing about what the camera sees now.
const STALE_MS = 2500;

const canvas = document.createElement("canvas");

function frameOf(video) {
  const scale = Math.min(1, FRAME_WIDTH / video.videoWidth);
  canvas.width = Math.round(video.videoWidth * scale);
  canvas.height = Math.round(video.videoHeight * scale);
  canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", FRAME_QUALITY));
}

export class Guidance {
  // `show` gets {source, isGood, bars, pose} with `words` from the service or `key` from the meters.
  constructor(video, address, show) {
    Object.assign(this, { video, address, show, wanted: "any", run: null });
  }

  start() {
    this.stop();
    this.run = new AbortController();
    this.freshUntil = performance.now() + STALE_MS;
    this.meters = setInterval(() => this.showMeters(), METERS_EVERY_MS);
    this.ask(this.run.signal);
  }

  stop() {
    clearInterval(this.meters);
    clearTimeout(this.next);
    this.run?.abort();
    this.run = null;
  }

  hasPicture() {
    return this.video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA;
  }

  showMeters() {
    if (performance.now() < this.freshUntil || !this.hasPicture()) return;
    const { key, bars } = look(this.video);
    this.show({ source: "browser", isGood: key === "good", bars, pose: null, key });
  }

  async ask(signal) {
    let state = "busy";
    if (this.hasPicture() && !document.hidden) state = await this.judge(signal);
    if (signal.aborted || state === "unable") return;
    this.next = setTimeout(() => this.ask(signal), state === "away" ? REST_MS : EVERY_MS);
  }

  // Returns how it went; `unable` is a service that cannot do this at all.
  async judge(signal) {
    const answer = await this.post(await frameOf(this.video), signal).catch(() => null);
    if (signal.aborted) return "away";
    if (answer?.state === "judged") {
      this.freshUntil = performance.now() + STALE_MS;
      const { is_good: isGood, bars, pose, words } = answer;
      this.show({ source: "service", isGood, bars, pose, words });
    } else if (answer?.state !== "busy") {
      this.freshUntil = 0;
    }
    return answer?.state ?? "away";
  }

  async post(frame, signal) {
    const answer = await fetch(`${this.address}?pose=${this.wanted}`, {
      method: "POST",
      body: frame,
      headers: { "Content-Type": "image/jpeg" },
      redirect: "error",
      signal,
    });
    return answer.ok ? answer.json() : null;
  }
}
