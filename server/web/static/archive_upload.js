// Send an archive a piece at a time: it is larger than one request may be. Without this script the
// form sends small archives whole.

const ATTEMPTS = 5;
const PAUSE_MS = 1000;
const TOO_MANY = 429;
const SERVER_FAILED = 500;
const TOO_SLOW = 408;

class Refused extends Error {}

async function post(address, body) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const answer = await fetch(address, { method: "POST", body, headers: { Accept: "application/json" } });
      const isBusy = [TOO_MANY, TOO_SLOW].includes(answer.status) || answer.status >= SERVER_FAILED;
      if (!isBusy || attempt === ATTEMPTS) return await told(answer);
    } catch (error) {
      if (error instanceof Refused || attempt === ATTEMPTS) throw error;
    }
    await new Promise((done) => setTimeout(done, PAUSE_MS * attempt));
  }
}

async function told(answer) {
  const found = await answer.json();
  if (!answer.ok) throw new Refused(found.problem ?? "");
  return found;
}

function fields(values) {
  const form = new FormData();
  for (const [name, value] of Object.entries(values)) form.append(name, value);
  return form;
}

async function send(file, kind, tell) {
  const about = fields({ kind, file_name: file.name, size_bytes: file.size });
  const { address, piece_bytes: size } = await post("/imports/archives", about);
  for (let number = 0; number * size < file.size; number += 1) {
    const piece = file.slice(number * size, (number + 1) * size);
    await post(`${address}/pieces/${number}`, fields({ piece }));
    tell(Math.min(1, ((number + 1) * size) / file.size));
  }
  return address;
}

const form = document.getElementById("import-form");
const archives = form?.dataset.archives.split(" ") ?? [];
const shown = document.getElementById("upload-progress");
const wrong = document.getElementById("upload-problem");

function kindOf() {
  return form.elements.kind.value;
}

function showRefusal(words) {
  wrong.querySelector("p").textContent = words || form.dataset.failed;
  wrong.hidden = false;
  shown.hidden = true;
  form.querySelector("button").disabled = false;
}

form?.addEventListener("submit", async (event) => {
  const file = form.elements.file.files[0];
  if (!file || !archives.includes(kindOf())) return;
  event.preventDefault();
  form.querySelector("button").disabled = true;
  wrong.hidden = true;
  shown.hidden = false;
  const bar = shown.querySelector("progress");
  try {
    bar.value = 0;
    window.location.assign(await send(file, kindOf(), (share) => { bar.value = share; }));
  } catch (error) {
    showRefusal(error instanceof Refused ? error.message : "");
  }
});
