# Tries: the secret from a server, a database, a metadata service, or sent to one.
# earns at most: 0
# around: prize
# uses: tools
import socket
import urllib.request

won = []
for address in (("127.0.0.1", 5432), ("127.0.0.1", 8000), ("169.254.169.254", 80), ("1.1.1.1", 53)):
    won += [address] if gets(lambda: socket.create_connection(address, timeout=1)) else []
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET):
    for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, socket.AF_NETLINK, socket.AF_PACKET, 40, 38):
        won += [(family, kind)] if gets(lambda: socket.socket(family, kind)) else []
won += ["url"] if gets(lambda: urllib.request.urlopen("http://127.0.0.1", timeout=1)) else []
