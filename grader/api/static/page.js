// What makes pages better where there is JavaScript. Nothing needs it.
"use strict";

// Times in the reader's own zone, which they name.
function localise(root) {
  const format = new Intl.DateTimeFormat(undefined, {
    year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short",
  });
  for (const time of root.querySelectorAll("time[datetime]")) {
    time.title = time.textContent;
    time.textContent = format.format(new Date(time.dateTime));
  }
}

// Times are typed in the reader's own zone. They are sent in UTC, as they are typed without a script.
function localTimes(form) {
  const fields = form.querySelectorAll("input[type=datetime-local]");
  if (!fields.length || !("onformdata" in form)) return;
  for (const field of fields) {
    if (!field.defaultValue) continue;
    const moment = new Date(`${field.defaultValue}Z`);
    field.value = new Date(moment - 60000 * moment.getTimezoneOffset()).toISOString().slice(0, 19);
  }
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  for (const name of form.querySelectorAll(".zone")) name.textContent = zone;
  form.addEventListener("formdata", ({ formData }) => {
    for (const field of fields) {
      if (field.value) formData.set(field.name, new Date(field.value).toISOString().slice(0, 19));
    }
  });
}

// A form is sent once, however often its button is pressed. The button's own value must still be sent.
function once(form) {
  form.addEventListener("submit", () => {
    setTimeout(() => form.querySelectorAll("button").forEach((button) => { button.disabled = true; }));
  });
  addEventListener("pageshow", () => form.querySelectorAll("button").forEach((button) => { button.disabled = false; }));
}

// Files may be dropped anywhere on the dashed field, and not beside it by accident.
function droppable(field) {
  const input = field.querySelector("input[type=file]");
  const mark = (over) => field.classList.toggle("over", over);
  field.addEventListener("dragover", (event) => { event.preventDefault(); mark(true); });
  field.addEventListener("dragleave", () => mark(false));
  field.addEventListener("drop", (event) => {
    event.preventDefault();
    mark(false);
    if (event.dataTransfer.files.length) input.files = event.dataTransfer.files;
  });
}

// The part of the page that changes, as the server renders it now.
async function renew() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (answer.status >= 500 || answer.status === 429) throw new Error("not now");
  if (!answer.ok || answer.redirected) return location.reload();
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const live = document.getElementById("live"), fresh = page.getElementById("live");
  if (!fresh) return location.reload();
  localise(fresh);
  say(fresh.dataset.say);
  live.dataset.say = fresh.dataset.say || "";
  live.replaceChildren(...fresh.childNodes);
  document.title = page.title;
}

function say(words) {
  const status = document.getElementById("status");
  if (status && words && status.textContent !== words) status.textContent = words;
}

// One renewal at a time, and one more for whatever has happened meanwhile.
function renewer() {
  let running = false, again = false;
  return async function now() {
    if (running) { again = true; return; }
    running = true;
    try { await renew(); } catch { /* the network or the service is away: the next event tries again */ }
    running = false;
    if (again) { again = false; setTimeout(now, 200); }
  };
}

function follow(live) {
  const now = renewer();
  if (live.dataset.seconds) {
    // not under somebody who is about to press something in it
    const quiet = () => !document.hidden && !live.contains(document.activeElement);
    setInterval(() => { if (quiet()) now(); }, 1000 * Number(live.dataset.seconds));
    return;
  }
  const source = new EventSource(live.dataset.events);
  for (const kind of ["state", "position", "section", "training"]) source.addEventListener(kind, now);
  source.addEventListener("end", () => { source.close(); location.reload(); });
}

localise(document);
document.querySelectorAll("form[method=post]").forEach(once);
document.querySelectorAll("form").forEach(localTimes);
document.querySelectorAll(".drop").forEach(droppable);
const live = document.getElementById("live");
if (live) follow(live);
