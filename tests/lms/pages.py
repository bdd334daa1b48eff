"""The pages of a learning platform that tests open in a browser: a launch in a frame or in a new window.

A page with a launch also is the platform's storage for tools whose cookies the browser keeps back
("LTI Client Side postMessages").
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

STORAGE = """
const stored = new Map();
addEventListener("message", event => {
  const {subject, message_id, key, value} = event.data || {};
  const target = {targetOrigin: event.origin};
  if (subject === "lti.capabilities")
    event.source.postMessage({subject: "lti.capabilities.response", message_id, supported_messages:
      ["lti.capabilities", "lti.put_data", "lti.get_data"].map(subject => ({subject}))}, target);
  if (subject === "lti.put_data") {
    stored.set(event.origin + " " + key, value);
    event.source.postMessage({subject: "lti.put_data.response", message_id, key, value}, target);
  }
  if (subject === "lti.get_data")
    event.source.postMessage({subject: "lti.get_data.response", message_id, key,
      value: stored.get(event.origin + " " + key)}, target);
  if (subject === "lti.frameResize") document.querySelector("iframe[name=tool]").height = event.data.height;
});
"""
"""Each tool's origin has its own data."""


def page(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<body><h1>{escape(title)}</h1>{body}</body></html>"
    )


def form(action: str, fields: Mapping[str, str], target: str = "", button: str = "") -> str:
    """Return a form that submits itself, or one with a button."""
    inputs = "".join(f'<input type="hidden" name="{escape(k)}" value="{escape(v)}">' for k, v in fields.items())
    submit = f"<button>{escape(button)}</button>" if button else "<script>document.forms[0].submit()</script>"
    return f'<form method="post" action="{escape(action)}" target="{escape(target)}">{inputs}{submit}</form>'


def frame(url: str = "") -> str:
    return f'<iframe name="tool" title="Tool" width="1000" height="700" src="{escape(url)}"></iframe>'


def link(url: str) -> str:
    return f'<a href="{escape(url)}" target="_blank">Open the tool</a>'


def framed(title: str, login_url: str, fields: Mapping[str, str]) -> str:
    """Return the page that launches a tool in a frame within the platform's own page."""
    storage = '<iframe name="storage" title="Storage" src="/storage" hidden></iframe>'
    return page(title, f"<script>{STORAGE}</script>{frame()}{storage}{form(login_url, fields, 'tool')}")


def windowed(title: str, login_url: str, fields: Mapping[str, str]) -> str:
    """Return the page with a button that launches a tool in a new window."""
    return page(title, f"<script>{STORAGE}</script>{form(login_url, fields, '_blank', 'Open the tool')}")


def storage() -> str:
    """Return the page of the storage's own frame, which some platforms have (`lti_storage_target`)."""
    return page("Storage", f"<script>{STORAGE}</script>")
