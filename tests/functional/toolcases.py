"""
What C{gearman} and C{txgearman} are both called with.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from attrs import field, frozen


@frozen
class Run:
    """
    What came of running a tool.

    @ivar output: its stdout, without what no two runs share.
    @ivar complained: whether it wrote to stderr.
    @ivar status: its exit status; negative for a signal.
    """

    output: bytes
    complained: bool = False
    status: int = 0


@frozen
class Case:
    """
    A command line.

    @ivar name: what it shows.
    @ivar arguments: the words behind the server; C{{port}} stands for the
        server's port, and C{{dead}} for one that nobody listens on.
    @ivar workloads: what a worker is sent, one after the other, by C{gearman}; a
        client is not.
    @ivar environment: beside this process's own.
    @ivar anywhere: whether the command line says itself where the server is.
    @ivar unordered: whether lines may come in any order.
    @ivar differs: the row in C{docs/tools.md} that says how C{txgearman} differs.
    @ivar differsOn: the one kind of server on which it does; C{""} for each.
    @ivar ours: what C{txgearman} does where it differs.
    """

    name: str
    arguments: tuple[str, ...]
    stdin: bytes = b""
    workloads: tuple[bytes, ...] = ()
    environment: Mapping[str, str] = field(factory=dict)
    anywhere: bool = False
    unordered: bool = False
    differs: str = ""
    differsOn: str = ""
    ours: Run | None = None

    @property
    def isWorker(self) -> bool:
        """
        Is it a worker that is started?
        """
        return "-w" in self.arguments


LINES = b"one\ntwo\nthree\n"
EVERY_BYTE = bytes(range(256))


def _case(name: str, words: str, *more: str, **how: object) -> Case:
    """
    Make a case.

    @param words: arguments without spaces in them.
    @param more: those with spaces.
    """
    return Case(name, (*words.split(), *more), **how)  # type: ignore[arg-type]


CLIENTS: Final = [
    _case("argument", "-f reverse abc"),
    _case("arguments", "-f reverse abc def ghi"),
    _case("stdin", "-f reverse", stdin=b"abc\ndef\n"),
    _case("noStdin", "-f reverse"),
    _case("unreadStdin", "-f reverse -s", stdin=b"abc"),
    _case("everyByte", "-f reverse", stdin=EVERY_BYTE),
    _case("megabyte", "-f size", stdin=bytes(2**20)),
    _case("lines", "-f reverse -n", stdin=LINES),
    _case("lastLine", "-f reverse -n", stdin=b"one\ntwo"),
    _case("strippedLines", "-f reverse -N", stdin=LINES),
    _case("linesOfNothing", "-f reverse -n"),
    _case("argumentsAreLines", "-f reverse -n abc def", stdin=LINES),
    _case("prefix", "-f data -P x"),
    _case("prefixOfNothing", "-f empty -P x"),
    _case("prefixOfFailure", "-f fail -P x"),
    _case("functions", "-f reverse -f size -P abc\n", unordered=True),
    _case("failure", "-f fail x"),
    _case("failures", "-f fail x y"),
    _case("failureAmongOthers", "-f reverse -f fail x", unordered=True),
    _case("warning", "-f data x"),
    _case("background", "-f nobody -b x"),
    _case("handle", "-f nobody -b -v x"),
    _case("handles", "-f nobody -b -v -n", stdin=LINES),
    _case("foregroundHandle", "-f data -v x", unordered=True),
    _case("high", "-f reverse -I abc"),
    _case("low", "-f reverse -L abc"),
    _case("unique", "-f unique -u mine x"),
    _case("hash", "-f unique -u # hello"),
    _case("hashOfLines", "-f unique -u # -n", stdin=LINES),
    _case("workloadAsUnique", "-f unique -u - x"),
    _case("randomUnique", "-f unique x"),
    _case("optionsBehindWords", "abc -f reverse"),
    _case("wordLikeAnOption", "-f reverse -- -n"),
    _case("joined", "-nfreverse", stdin=LINES),
    _case("detached", "-f reverse -d abc"),
    _case(
        "environment",
        "-f reverse abc",
        environment={"GEARMAN_SERVER": "127.0.0.1:{port}"},
        anywhere=True,
    ),
    _case(
        "environmentOfServers",
        "-f reverse abc",
        environment={"GEARMAN_SERVERS": "127.0.0.1:{port}"},
        anywhere=True,
    ),
    _case("noFunction", "abc"),
    _case("unknownOption", "-f reverse -Z abc"),
    _case(
        "help",
        "-H",
        differs="help",
        # Of its output there is to be some, and no more is asked.
        ours=Run(b"usage", False, 0),
    ),
    _case(
        "progress",
        "-f progress x",
        differs="at-once",
        ours=Run(b"25% Complete\n33% Complete\n175% Complete\ndone"),
    ),
    _case(
        "progressOfNothing",
        "-f strange x",
        differs="zero-denominator",
        ours=Run(b"0% Complete\ndone"),
    ),
    _case(
        "strippedLastLine",
        "-f reverse -N",
        stdin=b"one\ntwo",
        differs="last-line",
        ours=Run(b"enoowt"),
    ),
    _case(
        "strippedEmptyLine",
        "-f unique -u u -N",
        stdin=b"\n",
        differs="empty-line",
        ours=Run(b"u||"),
    ),
    _case(
        "exception",
        "-f raise -t 500 x",
        # Our server has no such bug.
        differsOn="gearmand",
        differs="exceptions",
        ours=Run(b"", True, 1),
    ),
    _case("timeout", "-f nobody -t 100 x", differs="status", ours=Run(b"", True, 1)),
    _case(
        "unreachable",
        "-h 127.0.0.1 -p {dead} -f reverse x",
        anywhere=True,
        differs="status",
        ours=Run(b"", True, 1),
    ),
    _case(
        "unknownHost",
        "-h nobody.invalid -f reverse x",
        anywhere=True,
        differs="status",
        ours=Run(b"", True, 1),
    ),
    _case("namelessFunction", "-f", "", "x", differs="status", ours=Run(b"", True, 1)),
    _case(
        "longUnique",
        "-b -f nobody x -u " + 65 * "u",
        differs="status",
        ours=Run(b"", True, 1),
    ),
    _case("noNumber", "-f nobody -t x x", differs="status", ours=Run(b"", True, 1)),
    _case(
        "unwritablePidfile",
        "-f reverse -i /nowhere/pid x",
        differs="pidfile",
        ours=Run(b"", True, 1),
    ),
    _case(
        "hostAndPort",
        "-h 127.0.0.1:{port} -f reverse abc",
        anywhere=True,
        differs="hosts",
        ours=Run(b"cba"),
    ),
    _case(
        "severalHosts",
        "-h 127.0.0.1:{port},127.0.0.1:{dead} -h 127.0.0.1:{dead} -f reverse abc",
        anywhere=True,
        differs="hosts",
        ours=Run(b"cba"),
    ),
    _case(
        "optionsBeforeEnvironment",
        "-h 127.0.0.1 -p {port} -f reverse abc",
        environment={"GEARMAN_SERVERS": "127.0.0.1:{dead}"},
        anywhere=True,
        differs="environment",
        ours=Run(b"cba"),
    ),
]

WORKERS: Final = [
    _case("command", "-w -c 1 -f work -- cat", workloads=(EVERY_BYTE,)),
    _case("noOutput", "-w -c 1 -f work true", workloads=(b"x",)),
    _case("noCommand", "-w -c 2 -f work", workloads=(b"one\n", b"two")),
    _case("linesWithoutCommand", "-w -c 1 -n -f work", workloads=(LINES,)),
    _case("count", "-w -c 2 -f work -- wc -c", workloads=(b"one", b"twelve")),
    _case("stdinNotRead", "-w -c 1 -f work -- head -c 2", workloads=(LINES,)),
    _case("bigWorkload", "-w -c 1 -f work -- wc -c", workloads=(bytes(2**20),)),
    _case("bigAndNotRead", "-w -c 1 -f work -- echo done", workloads=(bytes(2**20),)),
    _case(
        "arguments",
        "-w -c 1 -f work -- sh -c",
        'printf "%s|" "$0" "$@"',
        "first word",
        "-n",
        workloads=(b"x",),
    ),
    _case("itsOwnName", "-w -c 1 -f work -- sh -c", 'echo "$0"', workloads=(b"x",)),
    _case("folder", "-w -c 1 -f work -- pwd", workloads=(b"x",)),
    _case(
        "exitStatus",
        "-w -c 1 -f work -- sh -c",
        "cat; exit 3",
        workloads=(b"so far",),
    ),
    _case("failsAtOnce", "-w -c 1 -f work -- false", workloads=(b"x",)),
    _case("itsErrors", "-w -c 1 -f work -- sh -c", "echo oh >&2", workloads=(b"x",)),
    _case(
        "killed",
        "-w -c 1 -f work -- sh -c",
        "kill -9 $$",
        workloads=(b"x",),
        differs="killed-command",
        ours=Run(b"", True, 0),
    ),
    _case(
        "lines",
        "-w -c 1 -n -f work -- cat",
        workloads=(LINES,),
        differs="each-line-once",
        ours=Run(b""),
    ),
    _case(
        "strippedLines",
        "-w -c 1 -N -f work -- cat",
        workloads=(LINES + b"four",),
        differs="each-line-once",
        ours=Run(b""),
    ),
]

ANSWERS: Final[dict[str, Run]] = {
    "killed": Run(b"", True, 1),
    "lines": Run(LINES),
    "strippedLines": Run(b"onetwothreefour"),
}
"""
What C{gearman} as the client of those workers of ours prints that differ.
"""
