"""Run a Python program with its bytecode instructions counted, by function: `python -m bench.counted OUT PROGRAM ...`.

SIGUSR1 begins to count anew, SIGUSR2 writes OUT: a line `instructions TAB calls TAB file TAB function` for each
function of the main thread that ran. Such a program is some twenty times slower; the counts are the same all the same.
"""

import runpy
import signal
import sys
from collections import Counter
from types import CodeType, FrameType
from typing import Any


class Count:
    """What has been executed since the last beginning."""

    def __init__(self) -> None:
        self.on = False
        self.instructions: Counter[CodeType] = Counter()
        self.calls: Counter[CodeType] = Counter()

    def begin(self, *_: object) -> None:
        """Count from now on."""
        self.instructions.clear()
        self.calls.clear()
        self.on = True

    def write(self, path: str) -> None:
        """Count no more, and write what was counted."""
        self.on = False
        with open(path, "w", encoding="utf-8") as out:
            for code, count in self.instructions.most_common():
                out.write(f"{count}\t{self.calls[code]}\t{code.co_filename}\t{code.co_qualname}\n")

    def entered(self, frame: FrameType, _event: str, _arg: object) -> Any:
        """A function is called: the trace function of a thread."""
        if not self.on:
            return None
        self.calls[frame.f_code] += 1
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return self.executed

    def executed(self, frame: FrameType, event: str, _arg: object) -> Any:
        """One instruction of it."""
        if event == "opcode":
            self.instructions[frame.f_code] += 1
        return self.executed


def main() -> None:
    """Run the program that the command line names."""
    out, program, *_ = sys.argv[1:]
    count = Count()
    signal.signal(signal.SIGUSR1, count.begin)
    signal.signal(signal.SIGUSR2, lambda *_: count.write(out))
    sys.argv = sys.argv[2:]
    sys.settrace(count.entered)
    runpy.run_path(program, run_name="__main__")


if __name__ == "__main__":
    main()
