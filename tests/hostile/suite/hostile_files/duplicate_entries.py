# Tries: the same name twice: a right solution and another file.
# earns at most: 34, a right solution lies beside it
import warnings
import zipfile


def make(folder, perfect, mark):
    path = folder / "hand-in.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            packed.writestr("mlp.py", "class TwoLayerMLP: pass")
            packed.writestr("mlp.py", perfect)
    return path
