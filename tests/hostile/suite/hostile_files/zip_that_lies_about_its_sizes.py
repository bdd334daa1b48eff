# Tries: an entry that says it has ten bytes and unpacks to many millions.
# earns at most: 0
# refused: cannot be opened|MiB|binary data
import zipfile


def make(folder, perfect, mark):
    path = folder / "hand-in.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("mlp.py", b"#" * (100 << 20))
        packed.close()
        data = bytearray(path.read_bytes())
        place = data.rindex(b"PK\x01\x02")
        data[place + 24 : place + 28] = (10).to_bytes(4, "little")
        data[22:26] = (10).to_bytes(4, "little")
        path.write_bytes(data)
        return path
    return path
