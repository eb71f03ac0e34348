"""
Tests of L{txgearman.wire.packets}.
"""

from __future__ import annotations

from typing import Final

from attrs.exceptions import FrozenInstanceError
from twisted.trial.unittest import SynchronousTestCase

from txgearman.wire import packets
from txgearman.wire.packets import PACKETS, REQUEST, RESPONSE, Packet, Sender

# Number, name, arguments, and which of client, worker and server may send it.
# "2+d" is two arguments and opaque data. Written down from the protocol text,
# but for two rows: libgearman's clients set an id too, and what is submitted
# with a reducer has an argument more than the text knows.
ROWS: Final = """
     0  TEXT                           1    CWS
     1  CAN_DO                         1    W
     2  CANT_DO                        1    W
     3  RESET_ABILITIES                0    W
     4  PRE_SLEEP                      0    W
     5  UNUSED                         0    -
     6  NOOP                           0    S
     7  SUBMIT_JOB                     2+d  C
     8  JOB_CREATED                    1    S
     9  GRAB_JOB                       0    W
    10  NO_JOB                         0    S
    11  JOB_ASSIGN                     2+d  S
    12  WORK_STATUS                    3    WS
    13  WORK_COMPLETE                  1+d  WS
    14  WORK_FAIL                      1    WS
    15  GET_STATUS                     1    C
    16  ECHO_REQ                       0+d  CW
    17  ECHO_RES                       0+d  S
    18  SUBMIT_JOB_BG                  2+d  C
    19  ERROR                          2    S
    20  STATUS_RES                     5    S
    21  SUBMIT_JOB_HIGH                2+d  C
    22  SET_CLIENT_ID                  1    CW
    23  CAN_DO_TIMEOUT                 2    W
    24  ALL_YOURS                      0    W
    25  WORK_EXCEPTION                 1+d  WS
    26  OPTION_REQ                     1    CW
    27  OPTION_RES                     1    S
    28  WORK_DATA                      1+d  WS
    29  WORK_WARNING                   1+d  WS
    30  GRAB_JOB_UNIQ                  0    W
    31  JOB_ASSIGN_UNIQ                3+d  S
    32  SUBMIT_JOB_HIGH_BG             2+d  C
    33  SUBMIT_JOB_LOW                 2+d  C
    34  SUBMIT_JOB_LOW_BG              2+d  C
    35  SUBMIT_JOB_SCHED               7+d  C
    36  SUBMIT_JOB_EPOCH               3+d  C
    37  SUBMIT_REDUCE_JOB              4+d  C
    38  SUBMIT_REDUCE_JOB_BACKGROUND   4+d  C
    39  GRAB_JOB_ALL                   0    W
    40  JOB_ASSIGN_ALL                 4+d  S
    41  GET_STATUS_UNIQUE              1    C
    42  STATUS_RES_UNIQUE              6    S
"""

LETTERS: Final = {"C": Sender.CLIENT, "W": Sender.WORKER, "S": Sender.SERVER}


def described(packet: Packet) -> str:
    """
    Write a packet's row in the notation of L{ROWS}.
    """
    arguments = packet.arguments
    count = f"{len(arguments)}"
    if arguments and arguments[-1] == "data":
        count = f"{len(arguments) - 1}+d"
    letters = [letter for letter, one in LETTERS.items() if one in packet.sender]
    return f"{packet.number} {packet.name} {count} {''.join(letters) or '-'}"


class PacketTableTests(SynchronousTestCase):
    """
    Tests of the packet table.
    """

    def test_rows(self) -> None:
        """
        The table says of every packet what the protocol says, and knows no
        other.
        """
        rows = [" ".join(row.split()) for row in ROWS.strip().splitlines()]
        self.assertEqual([described(packet) for packet in PACKETS], rows)

    def test_numberIsIndex(self) -> None:
        """
        A packet stands in the table at its number.
        """
        for index, packet in enumerate(PACKETS):
            self.assertIs(PACKETS[packet.number], packet)
            self.assertEqual(packet.number, index)

    def test_constants(self) -> None:
        """
        Every packet's number has the packet's name in the module.
        """
        for packet in PACKETS:
            self.assertEqual(getattr(packets, packet.name), packet.number)

    def test_argumentNames(self) -> None:
        """
        The arguments of a packet have different names, each fit to be the name
        of a parameter, and only the last one is called data.
        """
        for packet in PACKETS:
            names = packet.arguments
            self.assertEqual(len(set(names)), len(names), packet)
            self.assertTrue(all(name.isidentifier() for name in names), packet)
            self.assertNotIn("data", names[:-1], packet)

    def test_sameArguments(self) -> None:
        """
        Packets that differ only in urgency, or in who waits for the result,
        have the same arguments.
        """
        for numbers in (
            (
                packets.SUBMIT_JOB,
                packets.SUBMIT_JOB_BG,
                packets.SUBMIT_JOB_HIGH,
                packets.SUBMIT_JOB_HIGH_BG,
                packets.SUBMIT_JOB_LOW,
                packets.SUBMIT_JOB_LOW_BG,
            ),
            (packets.SUBMIT_REDUCE_JOB, packets.SUBMIT_REDUCE_JOB_BACKGROUND),
            (
                packets.WORK_DATA,
                packets.WORK_WARNING,
                packets.WORK_COMPLETE,
                packets.WORK_EXCEPTION,
            ),
        ):
            kinds = {PACKETS[number].arguments for number in numbers}
            self.assertEqual(len(kinds), 1, kinds)

    def test_submittedFunctionFirst(self) -> None:
        """
        Every packet that submits a job starts with the function and the unique
        and ends with the data.
        """
        for packet in PACKETS:
            if packet.name.startswith("SUBMIT_"):
                self.assertEqual(packet.arguments[:2], ("function", "unique"))
                self.assertEqual(packet.arguments[-1], "data")

    def test_frozen(self) -> None:
        """
        A row cannot be changed.
        """
        with self.assertRaises(FrozenInstanceError):
            PACKETS[packets.NOOP].name = "YES_OP"  # type: ignore[misc]


class MagicTests(SynchronousTestCase):
    """
    Tests of the first four bytes of a packet.
    """

    def test_bytes(self) -> None:
        """
        Requests and responses are told apart by the bytes of the protocol.
        """
        self.assertEqual(REQUEST, b"\x00\x52\x45\x51")
        self.assertEqual(RESPONSE, b"\x00\x52\x45\x53")


class SenderTests(SynchronousTestCase):
    """
    Tests of L{Sender}.
    """

    def test_different(self) -> None:
        """
        Clients, workers and servers are three, and nobody is none of them.
        """
        everybody = Sender.CLIENT | Sender.WORKER | Sender.SERVER
        self.assertEqual(list(everybody), list(LETTERS.values()))
        self.assertFalse(Sender.NOBODY)
