// Takes a photo with the webcam, with simple live guidance. Whether a face can be used is decided by
// the recognition service alone; what is measured here only saves people a second try.

const SAMPLE_WIDTH = 160;
const SAMPLE_HEIGHT = 120;
const SAMPLE_EVERY_MS = 150;
const PHOTO_QUALITY = 0.92;
const MAX_SIDE = 1280;
const ACCEPTED = ["image/jpeg", "image/png", "image/webp"];
// Mean brightness of the oval, 0 to 255, and sharpness as the mean absolute Laplacian there.
const TOO_DARK = 55;
const TOO_BRIGHT = 215;
const TOO_UNEVEN = 70;
const TOO_BLURRED = 2.2;
const SHARP = 9;

const root = document.getElementById("capture");
const words = JSON.parse(root.dataset.words);
const byId = (id) => document.getElementById(id);
const video = byId("preview");
const still = byId("still");
const form = byId("photo-form");
const input = byId("photo");
const sample = document.createElement("canvas");
sample.width = SAMPLE_WIDTH;
sample.height = SAMPLE_HEIGHT;
const pen = sample.getContext("2d", { willReadFrequently: true });
let stream = null;
let timer = 0;

function say(key) {
  const guidance = byId("guidance");
  if (guidance.textContent !== words[key]) guidance.textContent = words[key];
  guidance.dataset.key = key;
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
  reveal("tips-card", state !== "sent");
}

function stop() {
  clearInterval(timer);
  if (stream) stream.getTracks().forEach((track) => track.stop());
  stream = null;
}

async function start() {
  if (!navigator.mediaDevices) return say("insecure");
  say("starting");
  try {
    const wanted = { facingMode: "user", width: { ideal: 1280 }, height: { ideal: 960 } };
    stream = await navigator.mediaDevices.getUserMedia({ video: wanted, audio: false });
  } catch (error) {
    const known = { NotAllowedError: "denied", NotFoundError: "missing", NotReadableError: "busy" };
    return say(known[error.name] || "missing");
  }
  video.srcObject = stream;
  await video.play();
  show("live");
  byId("shoot").focus();
  timer = setInterval(guide, SAMPLE_EVERY_MS);
}

function insideOval(x, y) {
  const dx = (x - SAMPLE_WIDTH / 2) / (SAMPLE_WIDTH * 0.2);
  const dy = (y - SAMPLE_HEIGHT * 0.487) / (SAMPLE_HEIGHT * 0.347);
  return dx * dx + dy * dy <= 1;
}

function measure() {
  pen.drawImage(video, 0, 0, SAMPLE_WIDTH, SAMPLE_HEIGHT);
  const pixels = pen.getImageData(0, 0, SAMPLE_WIDTH, SAMPLE_HEIGHT).data;
  const luma = new Float32Array(SAMPLE_WIDTH * SAMPLE_HEIGHT);
  for (let i = 0; i < luma.length; i += 1) {
    luma[i] = 0.299 * pixels[4 * i] + 0.587 * pixels[4 * i + 1] + 0.114 * pixels[4 * i + 2];
  }
  const halves = [0, 0];
  const counts = [0, 0];
  let edges = 0;
  for (let y = 1; y < SAMPLE_HEIGHT - 1; y += 1) {
    for (let x = 1; x < SAMPLE_WIDTH - 1; x += 1) {
      if (!insideOval(x, y)) continue;
      const i = y * SAMPLE_WIDTH + x;
      const half = x < SAMPLE_WIDTH / 2 ? 0 : 1;
      halves[half] += luma[i];
      counts[half] += 1;
      const around = luma[i - 1] + luma[i + 1] + luma[i - SAMPLE_WIDTH] + luma[i + SAMPLE_WIDTH];
      edges += Math.abs(4 * luma[i] - around);
    }
  }
  const left = halves[0] / counts[0];
  const right = halves[1] / counts[1];
  const light = (left + right) / 2;
  return { light, uneven: Math.abs(left - right), sharpness: edges / (counts[0] + counts[1]) };
}

function verdict(seen) {
  if (seen.light < TOO_DARK) return "dark";
  if (seen.light > TOO_BRIGHT) return "bright";
  if (seen.uneven > TOO_UNEVEN) return "uneven";
  if (seen.sharpness < TOO_BLURRED) return "blurred";
  return "good";
}

function guide() {
  if (video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return;
  const seen = measure();
  const key = verdict(seen);
  say(key);
  byId("oval").classList.toggle("is-good", key === "good");
  byId("light").value = (seen.light / 255) * 100;
  byId("sharpness").value = Math.min(100, (seen.sharpness / SHARP) * 100);
}

function shoot() {
  const scale = Math.min(1, MAX_SIDE / Math.max(video.videoWidth, video.videoHeight));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(video.videoWidth * scale);
  canvas.height = Math.round(video.videoHeight * scale);
  canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
  canvas.toBlob((blob) => keep(new File([blob], "photo.jpg", { type: "image/jpeg" }), true),
    "image/jpeg", PHOTO_QUALITY);
}

function keep(file, mirrored) {
  const chosen = new DataTransfer();
  chosen.items.add(file);
  input.files = chosen.files;
  stop();
  if (still.src) URL.revokeObjectURL(still.src);
  still.src = URL.createObjectURL(file);
  still.classList.toggle("is-mirrored", mirrored);
  show("review");
  say("review");
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
    say(problem);
    return;
  }
  byId("result").replaceChildren();
  keep(file, false);
}

byId("start").addEventListener("click", start);
byId("shoot").addEventListener("click", shoot);
byId("again").addEventListener("click", () => {
  input.value = "";
  byId("result").replaceChildren();
  start();
});
input.addEventListener("change", chosen);
form.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful) show("sent");
});
window.addEventListener("pagehide", stop);
// Without this script the form has its own button; with it there is one place to send from.
reveal("upload", false);
show("idle");
// A file chosen before this script arrived.
chosen();
