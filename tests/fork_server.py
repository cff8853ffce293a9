"""Starts errata's commands as processes that are forked off this one, which has imported errata already.

A command that is started anew spends most of its time on imports. Here a command has a process of its own all the
same, with its own environment, working directory, standard streams, session and exit code. Over the socket whose
descriptor is the only argument come descriptors: of the standard streams, and of a socket that brings a JSON object,
and is told the process's id at once and its exit code when it has ended.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import signal
import socket
import sys
import threading
from contextlib import suppress

# Commands import these only when they need them.
import errata.audit.run
import errata.audit.selected
import errata.boards.build
import errata.cli.auditing
import errata.cli.connecting
import errata.doctor.examination
import errata.serving
import errata.wiring.believing  # noqa: F401
from errata.cli.app import main


def serve(channel: socket.socket) -> None:
    """Fork for each request until nobody is left who asks."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system reaps those who wait for commands
    while True:
        asked, descriptors, _, _ = socket.recv_fds(channel, 1, 4)
        if not asked:
            return
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            channel.close()
            command_id = os.fork()
            if command_id == 0:
                run(descriptors)
            tell_end(command_id, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def run(descriptors: list[int]) -> None:
    """Be a command that has just been started; never returns."""
    os.setsid()
    with open(descriptors[3], "rb", closefd=False) as asked:
        request = json.loads(asked.readline())
    for standard, given in enumerate(descriptors[:3]):
        os.dup2(given, standard)
    for descriptor in descriptors:
        os.close(descriptor)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = ["errata", *request["arguments"]]
    code = 0
    try:
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    # What Python does at its end, but for taking every module apart, which copies the memory shared with this server.
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(code)


def tell_end(command_id: int, descriptors: list[int]) -> None:
    """Tell a command's id and exit code, negative where a signal ended it; never returns."""
    *streams, told = descriptors
    for descriptor in (0, 1, 2, *streams):
        os.close(descriptor)  # or their other ends would not see the command's end
    os.write(told, b"%d\n" % command_id)
    _, status = os.waitpid(command_id, 0)
    with suppress(BrokenPipeError):
        os.write(told, b"%d\n" % os.waitstatus_to_exitcode(status))
    os._exit(0)


if __name__ == "__main__":
    gc.freeze()
    serve(socket.socket(fileno=int(sys.argv[1])))
