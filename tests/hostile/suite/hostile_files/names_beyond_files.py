# Tries: names longer than a file's name may be.
# earns at most: 0
# fails: File name too long
import zipfile


def make(folder, perfect, mark):
    path = folder / "hand-in.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("mlp.py", perfect)
        packed.writestr("n" * 290 + ".py", "x = 1")
    return path
