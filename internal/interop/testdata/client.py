"""Usage: client.py SCENARIO URL [COMPRESSION]. Plays one scenario with Debian's websockets against a server's routes and ends
with status 0 if all was as it should be. COMPRESSION is "deflate" or nothing."""

import asyncio
import json
import sys

import websockets

scenario, url = sys.argv[1:3]
compression = sys.argv[3] if len(sys.argv) > 3 else None


def connect(path, **options):
    return websockets.connect(url + path, compression=compression, **options)


async def echo(socket, message):
    await socket.send(message)
    got = await socket.recv()
    assert got == message, (type(got), len(got), got[:40])


async def messages():
    async with connect("/echo") as socket:
        for message in ("hello", "", "häß € 𝄞", bytes(range(256)), b"", "x" * 65535, "x" * 65536):
            await echo(socket, message)
        await echo(socket, "abcdefgh" * (1 << 17))
    assert socket.close_code == 1000, socket.close_code


async def fragments():
    async with connect("/echo") as socket:
        await socket.send(["one, ", "", "twö, ", "three"])
        assert await socket.recv() == "one, twö, three"
        await socket.send([b"\x00", b"\xff" * 70000])
        assert await socket.recv() == b"\x00" + b"\xff" * 70000


async def ping():
    async with connect("/echo") as socket:
        await (await socket.ping("abc"))  # kept when the pong with the same bytes arrives
    async with connect("/ping") as socket:
        assert await socket.recv() == "pong are you there?"


async def closes():
    async with connect("/echo") as socket:
        await socket.close(4321, "I häve to go")
        assert (socket.close_code, socket.close_reason) == (4321, "I häve to go")


async def closed():
    async with connect("/close/4400/enough") as socket:
        await socket.wait_closed()
        assert (socket.close_code, socket.close_reason) == (4400, "enough")


async def subprotocol():
    async with connect("/facts", subprotocols=["other", "hubbub.test"]) as socket:
        assert socket.subprotocol == "hubbub.test"
        assert json.loads(await socket.recv())["Subprotocol"] == "hubbub.test"


async def deflate():
    async with connect("/echo") as socket:
        assert [e.name for e in socket.extensions] == ["permessage-deflate"], socket.extensions
        for message in ("a", "abc" * 1000, "abc" * 1001, bytes(range(256)) * 300, "z" * (1 << 20)):
            await echo(socket, message)


asyncio.run(asyncio.wait_for(globals()[scenario](), 25))
