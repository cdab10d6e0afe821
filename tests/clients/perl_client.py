#!/usr/bin/env python3
"""Perl's Mail::IMAPClient over TLS: runs perl_client.pl."""
import subprocess

from common import HERE, PASSWORD, USER, check, main, need, run, Failed


def tour(server, _):
    perl = need("perl", "perl")
    for module, package in (("Mail::IMAPClient", "libmail-imapclient-perl"), ("IO::Socket::SSL", "libio-socket-ssl-perl")):
        if subprocess.run([perl, f"-M{module}", "-e", "1"], capture_output=True).returncode != 0:
            raise Failed(f"{module} is not installed: apt-get install {package}")
    done = run([perl, "-w", HERE / "perl_client.pl", server.imaps[0], server.imaps[1], USER, PASSWORD], ok=False)
    print(done.stdout.decode(), end="", flush=True)
    check(done.returncode == 0 and not done.stderr, "perl_client.pl passed without a warning", done.stderr.decode()[-2000:])


main(tour)
