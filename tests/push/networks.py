#!/usr/bin/env python3
"""No request goes where it must not: private networks under every name, redirects, plain http.

    networks.py --bin build/release/bin
"""
import argparse
import json
import re
import subprocess
import time

from common import FAST, Receiver, Server

USER = "a@example.net"
# Loopback, private, link-local (the addresses where clouds tell secrets), mapped and embedded IPv4, and a name of loopback.
CLOSED = ["127.0.0.1", "127.9.9.9", "localhost", "0.0.0.0", "10.0.0.1", "192.168.1.1", "172.20.1.1", "169.254.169.254", "100.64.0.1",
          "224.0.0.1", "255.255.255.255", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[fe80::1]", "[fd00::1]", "[2002:7f00:1::]"]
# Not even looked at: numbers that some readers take for addresses are names here, and are none.
ODD = ["2130706433", "0x7f000001", "127.1", "0177.0.0.1"]


def attempts(server, url):
    """What a test event to the URL ends in."""
    added = server.ctl("push", "add", USER, "--webhook", url, "--device", "try", "--unsigned", check=False)
    if added.returncode != 0:
        return "refused: " + added.stderr
    done = server.ctl("push", "test", USER, "--device", "try", "--wait", "8", check=False)
    server.ctl("push", "remove", USER, "--device", "try")
    return "taken" if done.returncode == 0 else done.stderr


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    options = parser.parse_args()
    fast = [one for one in FAST if "allow_networks" not in one] + ["push.breaker_failures=1000"]
    with Receiver() as receiver:
        with Server(options.bin, fast) as server:
            server.add_user(USER)
            for host in CLOSED:
                for scheme in ("https", "http"):
                    said = attempts(server, f"{scheme}://{host}:{receiver.port}/in")
                    assert "may not be sent" in said or "push.allow_networks" in said, (scheme, host, said)
            for host in ODD:
                said = attempts(server, f"https://{host}:{receiver.port}/in")
                assert said != "taken", (host, said)
            for url in ("ftp://h/", "https://u:p@127.0.0.1/", "https://h/#x", "https://h/a b", "https://h:0/", "https://[::1/", "//h/",
                        "https:///x", "https://h\r\n/", "https://h/\r\nX: y", "gopher://h/", "https://h@127.0.0.1/"):
                added = server.ctl("push", "add", USER, "--webhook", url, check=False)
                assert added.returncode == 2, (url, added.returncode, added.stderr)
            assert not receiver.requests(), receiver.requests()[0].path
            print(f"{2 * len(CLOSED) + len(ODD)} closed targets, no request")
        # An allowed network is allowed under its mapped address too, and nothing beside it is.
        with Receiver() as other, Server(options.bin, [*fast, "push.allow_networks=127.0.0.1/32"]) as server:
            server.add_user(USER)
            assert attempts(server, receiver.url) == "taken"
            assert attempts(server, f"http://[::ffff:127.0.0.1]:{receiver.port}/in") == "taken"
            assert "allow_networks" in attempts(server, f"http://127.0.0.2:{receiver.port}/in")
            count = len(receiver.requests())
            receiver.set(f"redirect {other.url}")
            said = attempts(server, receiver.url)
            assert "HTTP 302" in said and "redirects are not followed" in said, said
            assert len(receiver.requests()) > count and not other.requests()
            print("redirects are not followed")
    for bad in ("10.0.0.0/33", "nonsense", "10.0.0.0/8/8"):
        with subprocess.Popen([*Server(options.bin, [f"push.allow_networks={bad}"]).command()], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as started:
            assert "push.allow_networks" in started.communicate(timeout=30)[1], bad
            assert started.returncode != 0
    print("a wrong push.allow_networks stops the start")


if __name__ == "__main__":
    main()
