# Tries: a zip whose middle is noise.
# earns at most: 0
# refused: cannot be opened|binary
import zipfile


def make(folder, perfect, mark):
    path = folder / "hand-in.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("mlp.py", perfect)
        packed.close()
        data = bytearray(path.read_bytes())
        data[60:400] = bytes(340)
        path.write_bytes(data)
        return path
    return path
