# Tries: mlp.py as a folder, and a file where a folder must be.
# earns at most: 0
import zipfile


def make(folder, perfect, mark):
    path = folder / "hand-in.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("mlp.py/__init__.py", perfect)
        packed.writestr("helpers", "x = 1")
        packed.writestr("helpers.py", "x = 1")
        packed.writestr("helpers.py/deeper.py", "x = 1")
    return path
