# Tries: the guest's channel replaced by an object that sends every answer twice, once as a verdict.
# earns at most: 0
# fails: protocol|ended
import gc
import os


class Twice:
    def __init__(self, channel):
        self.channel = channel

    def sendall(self, piece):
        self.channel.sendall(piece)
        self.channel.sendall(piece)

    def recv_into(self, view):
        return self.channel.recv_into(view)


gc.unfreeze()
for thing in gc.get_objects():
    if type(thing).__name__ == "Guest":
        thing.channel = Twice(thing.channel)


class TwoLayerMLP:
    pass
