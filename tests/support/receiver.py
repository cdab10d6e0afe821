#!/usr/bin/python3
"""A receiver of push for tests: an HTTP server (aiohttp) in a process of its own, so that it can be killed.

    receiver.py --log FILE --mode FILE [--port N] [--certificate PEM --key PEM]

Prints its port. Every request becomes a line of JSON in the log when it has come whole: what the receiver has. The mode file says,
for each request anew, how it is answered: ok, status N, slow SECONDS, cut (hangs up in the middle of the request), drop (takes it and
hangs up without an answer), redirect URL, large (an answer without end), pap CODE.
"""
import argparse
import asyncio
import base64
import json
import pathlib
import ssl
import time

from aiohttp import web


class Receiver:
    def __init__(self, options):
        self.options = options
        self.log = open(options.log, "a", buffering=1)
        self.running = 0

    def mode(self):
        try:
            return (pathlib.Path(self.options.mode).read_text().split() or ["ok"])
        except OSError:
            return ["ok"]

    async def handle(self, request):
        mode = self.mode()
        self.running += 1
        try:
            return await self.answer(request, mode)
        finally:
            self.running -= 1

    async def answer(self, request, mode):
        if mode[0] == "cut":
            request.transport.abort()
            raise asyncio.CancelledError
        body = await request.read()
        status = int(mode[1]) if mode[0] == "status" else 302 if mode[0] == "redirect" else 200
        taken = status == 200 and mode[0] in ("ok", "drop", "slow", "large", "pap")
        self.log.write(json.dumps({"at": time.time(), "path": request.path_qs, "headers": dict(request.headers), "mode": mode[0],
                                   "body": base64.b64encode(body).decode(), "taken": taken, "running": self.running}) + "\n")
        if mode[0] == "drop":
            request.transport.abort()
            raise asyncio.CancelledError
        if mode[0] == "slow":
            await asyncio.sleep(float(mode[1]))
        if mode[0] == "redirect":
            return web.Response(status=302, headers={"Location": mode[1]})
        if mode[0] == "large":
            return web.Response(body=b"x" * (1 << 20))
        if mode[0] == "pap":
            text = (f'<?xml version="1.0"?><!DOCTYPE pap PUBLIC "-//WAPFORUM//DTD PAP 2.0//EN" "http://www.wapforum.org/DTD/pap_2.0.dtd">'
                    f'<pap><push-response push-id="x" reply-time="2026-01-01T00:00:00Z"><response-result code="{mode[1]}" desc="said"/>'
                    "</push-response></pap>")
            return web.Response(text=text, content_type="application/xml", status=202)
        return web.Response(status=status, text="ok")

    async def run(self):
        app = web.Application(client_max_size=1 << 26)
        app.router.add_route("*", "/{path:.*}", self.handle)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        tls = None
        if self.options.certificate:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(self.options.certificate, self.options.key)
        site = web.TCPSite(runner, "127.0.0.1", self.options.port, ssl_context=tls, reuse_address=True)
        await site.start()
        print(site._server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Event().wait()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--log", required=True)
    parser.add_argument("--mode", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    asyncio.run(Receiver(parser.parse_args()).run())


if __name__ == "__main__":
    main()
