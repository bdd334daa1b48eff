# Tries: the guest found in its callers' frames, and its `reply_to` replaced by one that says what it likes.
# earns at most: 0
# fails: a dict with the keys
import sys

frame = sys._getframe()
while frame is not None:
    guest = frame.f_locals.get("self")
    if hasattr(guest, "channel"):
        guest.reply_to = lambda request: ["value", {"holds": True, "points": 40}]
    frame = frame.f_back


class TwoLayerMLP:
    pass
