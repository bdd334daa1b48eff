# Tries: names with newlines and terminal escapes.
# earns at most: 0
# refused: control character
import zipfile


def make(folder, perfect, mark):
    path = folder / "hand-in.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("mlp.py", perfect)
        packed.writestr("a\x1b[2J\nb.py", "x = 1")
    return path
