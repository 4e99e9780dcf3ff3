// Takes photos with the webcam, or from files. Whether a face can be used is decided by the
// recognition service alone; the guidance only saves people a second try.

import { Guidance } from "./guidance.js";
import { Poses } from "./poses.js";

const PHOTO_QUALITY = 0.92;
const MAX_SIDE = 1280;
const ACCEPTED = ["image/jpeg", "image/png", "image/webp"];
const NOT_TAKEN = ["refused", "rejected", "withdrawn"];
const FINISHED = [...NOT_TAKEN, "accepted"];

const byId = (id) => document.getElementById(id);
const root = byId("capture");
const words = JSON.parse(root.dataset.words);
const video = byId("preview");
const still = byId("still");
const form = byId("photo-form");
const input = byId("photo");
const meters = byId("meters");
const poses = new Poses(byId("poses"));
const guidance = new Guidance(video, root.dataset.guidance, guide);
let stream = null;
let seenPose = null;
// Of the photo that is being looked at; null of a file.
let photoPose = null;
// The pose that the photo sent last was the first of; null where it was not.
let sentPose = null;

function say(text, isGood = false) {
  const line = byId("guidance");
  if (line.textContent !== text) line.textContent = text;
  line.classList.toggle("is-good", isGood);
  byId("oval").classList.toggle("is-good", isGood);
}

// SVG elements have no `hidden` property, only the attribute.
function reveal(id, isVisible) {
  byId(id).toggleAttribute("hidden", !isVisible);
}

function show(state) {
  root.dataset.state = state;
  reveal("start", state === "idle");
  reveal("shoot", state === "live");
  reveal("again", state === "review" || state === "sent");
  reveal("send", state === "review");
  reveal("preview", state === "live");
  reveal("still", state === "review" || state === "sent");
  reveal("idle", state === "idle");
  reveal("oval", state === "live" || state === "review");
  reveal("guidance", state !== "sent");
  reveal("meters", state === "live");
  reveal("tips-card", state === "idle" || state === "review");
  offerNext();
}

// After a photo that counts, the next pose is the thing to do; else the same one again.
function offerNext() {
  const isNext = root.dataset.state === "sent" && !NOT_TAKEN.includes(sentStatus())
    && poses.wanted !== "any";
  byId("again").textContent = isNext ? words.next : words.again;
  byId("again").classList.toggle("primary", isNext);
  root.dataset.turn = "";
}

function sentStatus() {
  return byId("progress")?.dataset.status;
}

function stop() {
  guidance.stop();
  if (stream) stream.getTracks().forEach((track) => track.stop());
  stream = null;
}

async function start() {
  if (!navigator.mediaDevices) return say(words.insecure);
  say(words.starting);
  try {
    const wanted = { facingMode: "user", width: { ideal: 1280 }, height: { ideal: 960 } };
    stream = await navigator.mediaDevices.getUserMedia({ video: wanted, audio: false });
  } catch (error) {
    const known = { NotAllowedError: "denied", NotFoundError: "missing", NotReadableError: "busy" };
    return say(words[known[error.name] || "missing"]);
  }
  video.srcObject = stream;
  await video.play();
  show("live");
  say(words.look);
  seenPose = null;
  guidance.wanted = poses.wanted;
  guidance.start();
  byId("shoot").focus();
}

function guide(seen) {
  seenPose = seen.pose;
  const hint = words[`pose_${poses.wanted}`];
  // The browser cannot tell a pose; it can ask for one.
  const asked = seen.source === "browser" && seen.isGood ? hint : undefined;
  const text = asked ?? seen.words ?? words[seen.key];
  say(text, seen.isGood && !asked);
  root.dataset.turn = text === hint ? poses.wanted : "";
  meters.dataset.source = seen.source;
  reveal("by-service", seen.source === "service");
  reveal("light-only", seen.source === "browser");
  for (const bar of meters.querySelectorAll("[data-bar]")) {
    const height = seen.bars[bar.dataset.bar] ?? null;
    bar.classList.toggle("is-unknown", height === null);
    bar.querySelector("meter").value = height ?? 0;
  }
}

function shoot() {
  const scale = Math.min(1, MAX_SIDE / Math.max(video.videoWidth, video.videoHeight));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(video.videoWidth * scale);
  canvas.height = Math.round(video.videoHeight * scale);
  canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
  const pose = seenPose ?? poses.wanted;
  canvas.toBlob((blob) => keep(new File([blob], "photo.jpg", { type: "image/jpeg" }), pose),
    "image/jpeg", PHOTO_QUALITY);
}

// `pose` is null for a file: it is not mirrored then, and ticks nothing.
function keep(file, pose) {
  const chosen = new DataTransfer();
  chosen.items.add(file);
  input.files = chosen.files;
  stop();
  photoPose = pose;
  if (still.src) URL.revokeObjectURL(still.src);
  still.src = URL.createObjectURL(file);
  still.classList.toggle("is-mirrored", pose !== null);
  show("review");
  say(words.review);
  byId("send").focus();
}

function chosen() {
  const file = input.files[0];
  if (!file) return;
  const problem = !ACCEPTED.includes(file.type) ? "kind"
    : file.size > Number(form.dataset.maxBytes) ? "large" : "";
  input.setCustomValidity(problem ? words[problem] : "");
  if (problem) {
    input.value = "";
    say(words[problem]);
    return;
  }
  clearResult();
  keep(file, null);
}

// What is still on its way goes on being followed.
function clearResult() {
  if (FINISHED.includes(sentStatus())) byId("result").replaceChildren();
}

byId("start").addEventListener("click", start);
byId("shoot").addEventListener("click", shoot);
byId("again").addEventListener("click", () => {
  input.value = "";
  clearResult();
  start();
});
input.addEventListener("change", chosen);
form.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful) show("sent");
});
// A photo counts from when it is sent; one that is refused later gives its pose back.
form.addEventListener("htmx:beforeRequest", () => {
  sentPose = poses.isOpen(photoPose) ? photoPose : null;
});
byId("result").addEventListener("htmx:afterSettle", () => {
  poses.mark(sentPose, !NOT_TAKEN.includes(sentStatus()));
  guidance.wanted = poses.wanted;
  offerNext();
});
window.addEventListener("pagehide", stop);
// Without this script the form has its own button; with it there is one place to send from.
reveal("upload", false);
reveal("poses", true);
show("idle");
// A file chosen before this script arrived.
chosen();
