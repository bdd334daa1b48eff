# Tries: the guest's own functions replaced through sys.modules, so that anything may cross.
# earns at most: 0
import sys

for name, module in list(sys.modules.items()):
    if name.startswith("guest"):
        for function in ("plain", "describe", "_only_plain", "_is_shape", "load", "soft_limit"):
            if hasattr(module, function):
                setattr(module, function, lambda value=None, *args, **options: value)
for name in ("serve", "wire", "plain", "walls"):
    sys.modules[f"guest.{name}"] = None


class TwoLayerMLP:
    def __init__(self, *sizes, **options):
        self.params = self

    def loss(self, X, y=None, reg=0.0):
        return self, lambda: 40
