// A login link carries its token behind a #, which browsers do not send. It goes into the form, and out of the
// address bar and the history. A link that is pasted while this page is open changes nothing but what is behind the #.
"use strict";
function takeToken() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token) {
    document.getElementById("token").value = token;
    document.getElementById("paste").hidden = true;
    document.querySelector(".others").hidden = true;
    history.replaceState(null, "", location.pathname + location.search);
  }
}
addEventListener("hashchange", takeToken);
takeToken();
