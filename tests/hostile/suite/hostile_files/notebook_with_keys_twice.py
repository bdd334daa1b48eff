# Tries: every key twice, the second time with other cells.
# earns at most: 34, a right solution lies beside it
import json


def make(folder, perfect, mark):
    path = folder / "ps4.ipynb"
    cell = {"cell_type": "code", "metadata": {}, "source": perfect, "outputs": [], "execution_count": None}
    whole = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [cell]}
    text = json.dumps(whole)
    path.write_text(text[:-1] + ', "cells": [' + json.dumps(cell | {"source": "class TwoLayerMLP: pass"}) + "]}")
    return path
