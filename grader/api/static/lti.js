// Pages that a learning platform shows in a frame.
"use strict";

// The platform's storage (LTI Client Side postMessages). Messages go to the platform's origin alone, and come from it.
function askPlatform(form, message, answered) {
  const { target, origin } = form.dataset;
  const platform = window.parent === window ? window.opener : window.parent;
  const id = crypto.getRandomValues(new Uint32Array(4)).join("-");
  let storage = platform;
  try { if (target !== "_parent") storage = platform.frames[target] || platform; } catch { /* of another origin */ }
  let isOver = false;
  const end = (value) => { if (!isOver) { isOver = true; answered(value); } };
  addEventListener("message", (event) => {
    if (event.origin === origin && event.data?.message_id === id) end(event.data.value);
  });
  setTimeout(end, 3000);
  storage?.postMessage({ ...message, message_id: id }, origin);
}

const storage = document.getElementById("storage");
if (storage) {
  const { key, value, next } = storage.dataset;
  if (next) {
    askPlatform(storage, { subject: "lti.put_data", key, value }, () => location.replace(next));
  } else {
    askPlatform(storage, { subject: "lti.get_data", key }, (kept) => {
      if (kept) storage.elements.browser.value = kept;
      storage.submit();
    });
  }
}

// The answer of deep linking goes back at once.
document.getElementById("return")?.submit();

// The platform closes the window or frame in which it was registered.
if (document.getElementById("registered")) {
  (window.opener || window.parent).postMessage({ subject: "org.imsglobal.lti.close" }, "*");
}
