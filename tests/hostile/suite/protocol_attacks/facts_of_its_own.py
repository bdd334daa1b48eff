# Tries: facts about loading that are invented: names with markup, a thousand notes, cells that are no numbers.
# earns at most: 0
# uses: tools
import time

evil = "\x1b[2J=1+1<script>alert(1)</script>\u202e\r\n" * 20
note = ["failed", evil, evil]
facts = {"source": evil, "names": [evil] * 5000, "cells": [1 << 62, -1, True], "notes": [note] * 5000}
send(frame(["value", facts]))
time.sleep(0.2)


class TwoLayerMLP:
    pass
