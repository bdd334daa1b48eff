# Tries: a name of a thousand characters.
# earns at most: 0
# refused: longer than 300 characters
import zipfile


def make(folder, perfect, mark):
    path = folder / "hand-in.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("mlp.py", perfect)
        packed.writestr("d/" * 498 + "x.py", "x = 1")
    return path
