"""Usage: server.py [COMPRESSION]. An echo server with Debian's websockets. It prints "port N" when it listens and "closed CODE
REASON" for each conn that ends. /close closes with 4400, /refuse answers 401. COMPRESSION is "deflate" or nothing."""

import asyncio
import http
import sys

import websockets


async def handle(socket, path):
    try:
        if path == "/close":
            await socket.close(4400, "enough")
        if path == "/fragments":
            await socket.send(["one, ", "two"])
        async for message in socket:
            await socket.send(message)
    except websockets.ConnectionClosed:
        pass
    finally:
        print("closed", socket.close_code, socket.close_reason, flush=True)


async def decide(path, headers):
    if path == "/refuse":
        return http.HTTPStatus.UNAUTHORIZED, {}, b"who are you?"


async def main():
    compression = sys.argv[1] if len(sys.argv) > 1 else None
    async with websockets.serve(
        handle, "127.0.0.1", 0, compression=compression, subprotocols=["hubbub.test"], process_request=decide
    ) as server:
        print("port", server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()


asyncio.run(main())
