# Tries: numbers of ten thousand digits, infinities, and a format that is one.
# earns at most: 0
# refused: not a notebook|cannot be read
import json


def make(folder, perfect, mark):
    path = folder / "ps4.ipynb"
    cell = {"cell_type": "code", "metadata": {}, "source": perfect, "outputs": [], "execution_count": None}
    whole = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [cell]}
    path.write_text(json.dumps(whole).replace('"nbformat": 4', '"nbformat": ' + "9" * 4000).replace("null", "1e999999"))
    return path
