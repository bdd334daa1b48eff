# Tries: a notebook of a million empty cells.
# earns at most: 0
# refused: more than|MiB|cannot be read
import json


def make(folder, perfect, mark):
    path = folder / "ps4.ipynb"
    cell = {"cell_type": "code", "metadata": {}, "source": perfect, "outputs": [], "execution_count": None}
    whole = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [cell]}
    empty = '{"cell_type":"code","source":""},' * 400_000
    path.write_text(json.dumps(whole).replace('"cells": [', '"cells": [' + empty))
    return path
