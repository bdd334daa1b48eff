# Tries: links to the host's files and folders, as archives keep them.
# earns at most: 0
# refused: is a link
import zipfile
from pathlib import Path

REFERENCE = Path(__file__).parents[4] / "reference" / "ps4" / "mlp.py"


def make(folder, perfect, mark):
    path = folder / "hand-in.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("mlp.py", perfect)
        for name, target in (("passwd.txt", "/etc/passwd"), ("up", ".."), ("mlp2.py", str(REFERENCE))):
            link = zipfile.ZipInfo(name)
            link.external_attr = 0o120777 << 16
            packed.writestr(link, target)
    return path
