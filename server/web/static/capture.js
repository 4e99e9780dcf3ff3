// Takes photos with the webcam, or from files. Whether a face can be used is decided by the
// recognition service alone; the guidance only saves people a second try.

import { Guidance } from "./guidance.js";
import { Poses } from "./poses.js";
import { Sent } from "./sent.js";

const PHOTO_QUALITY = 0.92;
const MAX_SIDE = 1280;
const ACCEPTED = ["image/jpeg", "image/png", "image/webp", "image/heic", "image/heif"];
// Many browsers have no type for these.
const HEIC_NAME = /\.hei[cf]$/i;

const byId = (id) => document.getElementById(id);
const root = byId("capture");
const words = JSON.parse(root.dataset.words);
const video = byId("preview");
const still = byId("still");
const form = byId("photo-form");
const input = byId("photo");
const meters = byId("meters");
const poses = new Poses(byId("poses"));
const sent = new Sent(byId("result"), byId("sent-photo"), countPoses);
const guidance = new Guidance(video, root.dataset.guidance, guide);
let stream = null;
// Each start and each stop of the camera is a run of its own: an older one that comes back from
// waiting must not go on.
let run = 0;
let seenPose = null;
// Of the photo that is being looked at; null of a file.
let photoPose = null;

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
  reveal("start", state === "idle" || state === "starting");
  byId("start").disabled = state === "starting";
  reveal("shoot", state === "live");
  reveal("again", state === "review" || state === "sent");
  reveal("send", state === "review" || state === "sending");
  reveal("preview", state === "live");
  reveal("still", ["review", "sending", "sent"].includes(state));
  reveal("idle", state === "idle" || state === "starting");
  reveal("oval", state === "live");
  reveal("guidance", state !== "sending" && state !== "sent");
  reveal("meters", state === "live");
  reveal("tips-card", state === "idle" || state === "review");
  offerNext();
}

// After a photo that counts, the next pose is the thing to do; else the same one again.
function offerNext() {
  const isNext = root.dataset.state === "sent" && sent.hasTakenNewest && poses.wanted !== "any";
  byId("again").textContent = isNext ? words.next : words.again;
  byId("again").classList.toggle("primary", isNext);
  root.dataset.turn = "";
}

// A photo sent counts, whether it still waits or is accepted; a refused one gives its pose back.
function countPoses() {
  poses.take(sent.takenPoses);
  guidance.wanted = poses.wanted;
  offerNext();
}

function stop() {
  run += 1;
  guidance.stop();
  if (stream) halt(stream);
  stream = null;
}

function halt(one) {
  one.getTracks().forEach((track) => track.stop());
}

async function start() {
  if (!navigator.mediaDevices) return say(words.insecure);
  stop();
  const own = run;
  show("starting");
  say(words.starting);
  try {
    await open(own);
  } catch (error) {
    if (own === run) fail(error);
    return;
  }
  if (own === run) goLive();
}

// Leaves the camera off if the run ended while the browser asked for it.
async function open(own) {
  const wanted = { facingMode: "user", width: { ideal: 1280 }, height: { ideal: 960 } };
  const opened = await navigator.mediaDevices.getUserMedia({ video: wanted, audio: false });
  if (own !== run) return halt(opened);
  stream = opened;
  video.srcObject = opened;
  await video.play();
}

function fail(error) {
  const known = { NotAllowedError: "denied", NotFoundError: "missing", NotReadableError: "busy" };
  stop();
  show("idle");
  byId("start").focus();
  say(words[known[error.name] || "missing"]);
}

function goLive() {
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
  const own = run;
  const keepBlob = (blob) => {
    if (own === run) keep(new File([blob], "photo.jpg", { type: "image/jpeg" }), pose);
  };
  canvas.toBlob(keepBlob, "image/jpeg", PHOTO_QUALITY);
}

// `pose` is null for a file: it is not mirrored then, and ticks nothing.
function keep(file, pose) {
  const chosen = new DataTransfer();
  chosen.items.add(file);
  input.files = chosen.files;
  input.setCustomValidity("");
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
  const isAccepted = ACCEPTED.includes(file.type) || HEIC_NAME.test(file.name);
  const problem = !isAccepted ? "kind"
    : file.size > Number(form.dataset.maxBytes) ? "large" : "";
  input.setCustomValidity(problem ? words[problem] : "");
  if (problem) {
    input.value = "";
    say(words[problem]);
    return;
  }
  keep(file, null);
}

byId("start").addEventListener("click", start);
byId("shoot").addEventListener("click", shoot);
byId("again").addEventListener("click", () => {
  input.value = "";
  start();
});
input.addEventListener("change", chosen);
// Few browsers show HEIC; the recognition service reads it.
still.addEventListener("error", () => {
  if (root.dataset.state !== "review") return;
  reveal("still", false);
  reveal("idle", true);
  say(words.no_preview);
});
form.addEventListener("htmx:beforeRequest", () => {
  sent.expect(photoPose);
  show("sending");
});
// A file chosen meanwhile is the thing to look at.
form.addEventListener("htmx:afterRequest", (event) => {
  if (root.dataset.state === "sending") show(event.detail.successful ? "sent" : "review");
});
window.addEventListener("pagehide", () => {
  stop();
  if (["starting", "live"].includes(root.dataset.state)) show("idle");
});
// Without this script the form has its own button; with it there is one place to send from.
reveal("upload", false);
reveal("poses", true);
show("idle");
// A file chosen before this script arrived.
chosen();
